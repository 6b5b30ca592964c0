{#- A statement for a post-hook: the planner is told how large a table is. -#}
{% macro analyze_table(relation) %}{{ return(adapter.dispatch('analyze_table', 'retail')(relation)) }}{% endmacro %}

{% macro default__analyze_table(relation) %}{{ return('analyze ' ~ relation) }}{% endmacro %}

{#- Spark sees it by the files. -#}
{% macro spark__analyze_table(relation) %}{{ return('') }}{% endmacro %}
