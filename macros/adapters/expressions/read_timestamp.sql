{#- The moment a text spells as YYYY-MM-DD, or that and HH:MM[:SS[.ffffff]] behind a space or a T; else null. -#}
{% macro read_timestamp(text) %}{{ return(adapter.dispatch('read_timestamp', 'retail')(text)) }}{% endmacro %}

{% macro postgres__read_timestamp(text) %}
    {#- What is written as PostgreSQL itself would write it needs no closer look, which would cost three times as much. In the
        others the time is spelled out, because PostgreSQL also takes 24:00 and :60. -#}
    {%- set time = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?' -%}
    {%- set sql -%}
        case
            when
                {{ text }} like '____-__-__ __:__:__'
                and pg_input_is_valid({{ text }}, 'timestamp')
                and cast(cast({{ text }} as timestamp) as text) = {{ text }}
                then cast({{ text }} as timestamp)
            when
                {{ text }} ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]{{ time }})?$'
                and pg_input_is_valid({{ text }}, 'timestamp')
                then cast({{ text }} as timestamp)
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{% macro duckdb__read_timestamp(text) %}
    {%- set time = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?' -%}
    {%- set sql -%}
        case
            when
                regexp_full_match({{ text }}, '[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]{{ time }})?')
                and {{ text }} >= '0001'
                then try_cast({{ text }} as timestamp)
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{% macro spark__read_timestamp(text) %}
    {%- set time = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?' -%}
    {%- set sql -%}
        case
            when
                {{ text }} rlike '^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]{{ time }})?\\z'
                and {{ text }} >= '0001'
                then try_cast({{ text }} as timestamp_ntz)
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}
