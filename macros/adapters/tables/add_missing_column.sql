{#- A statement for a pre-hook: a table that an earlier version of the project built is given a column. -#}
{% macro add_missing_column(relation, column, type) %}
    {{- return(adapter.dispatch('add_missing_column', 'retail')(relation, column, type)) -}}
{% endmacro %}

{% macro default__add_missing_column(relation, column, type) %}
    {{- return('alter table if exists ' ~ relation ~ ' add column if not exists ' ~ column ~ ' ' ~ type) -}}
{% endmacro %}

{#- No earlier version built anything on Spark. -#}
{% macro spark__add_missing_column(relation, column, type) %}{{ return('') }}{% endmacro %}
