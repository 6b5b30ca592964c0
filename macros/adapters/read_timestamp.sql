{#- The moment a text spells as YYYY-MM-DD, or that and HH:MM[:SS[.ffffff]] behind a space or a T; else null. -#}
{% macro read_timestamp(text) %}{{ return(adapter.dispatch('read_timestamp', 'retail')(text)) }}{% endmacro %}

{% macro postgres__read_timestamp(text) %}
    {#- the time is spelled out because PostgreSQL also takes 24:00 and :60 -#}
    {%- set time = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?' -%}
    {%- set sql -%}
        case
            when
                {{ text }} ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]{{ time }})?$'
                and pg_input_is_valid({{ text }}, 'timestamp')
                then cast({{ text }} as timestamp)
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}
