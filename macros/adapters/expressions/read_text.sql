{#- A cell without the white space around it; nothing left is missing. -#}
{% macro read_text(cell) %}{{ return(adapter.dispatch('read_text', 'retail')(cell)) }}{% endmacro %}

{% macro postgres__read_text(cell) %}
    {#- space, tab, line feed, carriage return, form feed, vertical tab: ASCII only, a no-break space is content -#}
    {{- return("nullif(btrim(" ~ cell ~ ", e' \\t\\n\\r\\f\\x0B'), '')") -}}
{% endmacro %}

{#- Most cells have nothing to trim, which DuckDB tells in half the time by their ends. -#}
{% macro duckdb__read_text(cell) %}
    {%- set trimmed = 'trim(' ~ cell ~ ", e' \\t\\n\\r\\f\\x0B')" -%}
    {%- set has_ends = 'ascii(' ~ cell ~ ') <= 32 or ascii(right(' ~ cell ~ ', 1)) <= 32' -%}
    {{- return('nullif(case when ' ~ has_ends ~ ' then ' ~ trimmed ~ ' else ' ~ cell ~ " end, '')") -}}
{% endmacro %}

{% macro spark__read_text(cell) %}
    {{- return("nullif(trim(both ' \\t\\n\\r\\u000C\\u000B' from " ~ cell ~ "), '')") -}}
{% endmacro %}
