{#- A statement for a post-hook that tells the planner how large a table is.

    distinct  columns with the share of the rows that have another value in them, where the planner's sample, which takes many
              rows from few pages, would tell too little -#}
{% macro analyze_table(relation, distinct={}) %}
    {{- return(adapter.dispatch('analyze_table', 'retail')(relation, distinct)) -}}
{% endmacro %}

{% macro default__analyze_table(relation, distinct) %}{{ return('analyze ' ~ relation) }}{% endmacro %}

{% macro postgres__analyze_table(relation, distinct) %}
    {%- set statements = [] -%}
    {%- for column, share in distinct.items() -%}
        {%- do statements.append('alter table ' ~ relation ~ ' alter column ' ~ column ~ ' set (n_distinct = -' ~ share ~ ')') -%}
    {%- endfor -%}
    {{- return((statements + ['analyze ' ~ relation]) | join(';\n')) -}}
{% endmacro %}

{#- Spark knows it from the files. -#}
{% macro spark__analyze_table(relation, distinct) %}{{ return('') }}{% endmacro %}
