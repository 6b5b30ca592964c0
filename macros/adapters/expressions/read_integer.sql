{#- The whole number a text spells (`3` and `3.0` alike); null where it spells none or exceeds four bytes. -#}
{% macro read_integer(text) %}{{ return(adapter.dispatch('read_integer', 'retail')(text)) }}{% endmacro %}

{% macro postgres__read_integer(text) %}
    {#- nine digits always fit -#}
    {%- set sql -%}
        case
            when length({{ text }}) < 10 and {{ text }} ~ '^[0-9]+$' then cast({{ text }} as integer)
            when
                {{ text }} ~ '^[+-]?[0-9]+(\.0+)?$'
                and pg_input_is_valid(split_part({{ text }}, '.', 1), 'integer')
                then cast(split_part({{ text }}, '.', 1) as integer)
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{% macro duckdb__read_integer(text) %}
    {%- set sql -%}
        case
            when length({{ text }}) < 10 and regexp_full_match({{ text }}, '[0-9]+') then try_cast({{ text }} as integer)
            when regexp_full_match({{ text }}, '[+-]?[0-9]+([.]0+)?')
                then try_cast(ltrim(split_part({{ text }}, '.', 1), '+') as integer)
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{#- The end is \z in Spark: its $ stands before a last line separator of Unicode, too, and 7.0 would be read with one. -#}
{% macro spark__read_integer(text) %}
    {%- set sql -%}
        case
            when {{ text }} rlike '^[+-]?[0-9]+([.]0+)?\\z'
                then try_cast(split_part({{ text }}, '.', 1) as int)
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}
