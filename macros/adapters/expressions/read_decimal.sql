{#- The number a text spells, unrounded; null where it spells none or its rounded value does not fit. -#}
{% macro read_decimal(text, precision, scale) %}
    {{- return(adapter.dispatch('read_decimal', 'retail')(text, precision, scale)) -}}
{% endmacro %}

{% macro postgres__read_decimal(text, precision, scale) %}
    {#- a plain numeric has room for 16,383 decimals; the narrow type is asked for the digits before the point.
        What is so short that it fits need not be asked. -#}
    {%- set sql -%}
        case
            when
                length({{ text }}) <= {{ precision - scale }}
                and {{ text }} ~ '^[0-9]+(\.[0-9]+)?$'
                then cast({{ text }} as numeric)
            when
                {{ text }} ~ '^[+-]?[0-9]+(\.[0-9]+)?$'
                and pg_input_is_valid({{ text }}, 'numeric')
                and pg_input_is_valid({{ text }}, 'numeric({{ precision }}, {{ scale }})')
                then cast({{ text }} as numeric)
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{#- DuckDB's decimals have 38 digits: a number with more than 18 decimals, but for zeros at the end, is not read. What fits
    into 18 digits is read so first, which takes a thirtieth of the time. -#}
{% macro duckdb__read_decimal(text, precision, scale) %}
    {%- set type = 'decimal(' ~ (precision - scale + 19) ~ ', 18)' -%}
    {%- set value = 'try_cast(' ~ text ~ ' as ' ~ type ~ ')' -%}
    {%- set short = precision - scale - 1 -%}
    {%- set sql -%}
        case
            when regexp_full_match({{ text }}, '[0-9]{1,{{ short }}}([.][0-9]{1,{{ 18 - short }}})?')
                then cast(try_cast({{ text }} as decimal(18, {{ 18 - short }})) as {{ type }})
            when
                regexp_full_match({{ text }}, '[+-]?[0-9]+([.][0-9]{1,18}0*)?')
                and abs(round({{ value }}, {{ scale }})) < 1{{ '0' * (precision - scale) }}
                then {{ value }}
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{#- Spark's have as many. -#}
{% macro spark__read_decimal(text, precision, scale) %}
    {%- set value = 'try_cast(' ~ text ~ ' as decimal(' ~ (precision - scale + 19) ~ ', 18))' -%}
    {%- set sql -%}
        case
            when
                {{ text }} rlike '^[+-]?[0-9]+([.][0-9]{1,18}0*)?\\z'
                and abs(round({{ value }}, {{ scale }})) < 1{{ '0' * (precision - scale) }}
                then {{ value }}
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}
