{#- Aggregate: the distinct texts of a group, in the order of their code points, with ';' between them. -#}
{% macro join_texts(text) %}{{ return(adapter.dispatch('join_texts', 'retail')(text)) }}{% endmacro %}

{% macro postgres__join_texts(text) %}
    {%- set ordered = by_code_point(text) -%}
    {{- return("string_agg(distinct " ~ ordered ~ ", ';' order by " ~ ordered ~ ")") -}}
{% endmacro %}

{% macro duckdb__join_texts(text) %}
    {{- return("string_agg(distinct " ~ text ~ ", ';' order by " ~ text ~ ")") -}}
{% endmacro %}

{% macro spark__join_texts(text) %}
    {{- return("listagg(distinct " ~ text ~ ", ';') within group (order by " ~ text ~ ")") -}}
{% endmacro %}
