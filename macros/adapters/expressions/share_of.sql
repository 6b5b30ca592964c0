{#- What share of a whole a part is, rounded to six decimals; null of nothing. -#}
{% macro share_of(part, whole) %}{{ return(adapter.dispatch('share_of', 'retail')(part, whole)) }}{% endmacro %}

{% macro postgres__share_of(part, whole) %}
    {{- return('round(' ~ part ~ ' / nullif(cast(' ~ whole ~ ' as numeric), 0), 6)') -}}
{% endmacro %}

{#- DuckDB divides decimals as floats, and Spark cuts their decimals as it has room: whole numbers are divided here. -#}
{% macro default__share_of(part, whole) %}
    {%- set millionths = divide_whole('2000000 * ' ~ part ~ ' + ' ~ whole, '2 * nullif(' ~ whole ~ ', 0)') -%}
    {{- return('cast(' ~ millionths ~ ' * 0.000001 as decimal(18, 6))') -}}
{% endmacro %}
