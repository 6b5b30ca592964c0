{#- The day a text spells as YYYY-MM-DD; null where it spells none or the calendar has no such day. -#}
{% macro read_date(text) %}{{ return(adapter.dispatch('read_date', 'retail')(text)) }}{% endmacro %}

{% macro postgres__read_date(text) %}
    {%- set sql -%}
        case
            when
                {{ text }} ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'
                and pg_input_is_valid({{ text }}, 'date')
                then cast({{ text }} as date)
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{#- There is no year 0 in PostgreSQL's calendar. -#}
{% macro duckdb__read_date(text) %}
    {%- set sql -%}
        case
            when
                regexp_full_match({{ text }}, '[0-9]{4}-[0-9]{2}-[0-9]{2}')
                and {{ text }} >= '0001'
                then try_cast({{ text }} as date)
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{% macro spark__read_date(text) %}
    {%- set sql -%}
        case
            when
                {{ text }} rlike '^[0-9]{4}-[0-9]{2}-[0-9]{2}\\z'
                and {{ text }} >= '0001'
                then try_cast({{ text }} as date)
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}
