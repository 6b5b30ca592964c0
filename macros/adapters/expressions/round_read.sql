{#- A number as read, rounded to the decimals of its clean type. -#}
{% macro round_read(column, precision, scale) %}
    {{- return(adapter.dispatch('round_read', 'retail')(column, precision, scale)) -}}
{% endmacro %}

{% macro default__round_read(column, precision, scale) %}
    {%- set type = sql_type('numeric(' ~ precision ~ ', ' ~ scale ~ ')') -%}
    {{- return('cast(round(' ~ column ~ '_read, ' ~ scale ~ ') as ' ~ type ~ ')') -}}
{% endmacro %}

{#- What is written with so few decimals need not be rounded, which takes DuckDB long in numbers of 16 bytes. -#}
{% macro duckdb__round_read(column, precision, scale) %}
    {%- set sql -%}
        case
            when regexp_full_match({{ column }}_text, '[0-9]{1,{{ precision - scale }}}([.][0-9]{1,{{ scale }}})?')
                then try_cast({{ column }}_text as decimal({{ precision }}, {{ scale }}))
            else {{ default__round_read(column, precision, scale) }}
        end
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{#- Whether a number as read has no more decimals than these; null where none was read. -#}
{% macro has_no_more_decimals(column, scale) %}
    {{- return(adapter.dispatch('has_no_more_decimals', 'retail')(column, scale)) -}}
{% endmacro %}

{% macro default__has_no_more_decimals(column, scale) %}
    {{- return(column ~ '_read = round(' ~ column ~ '_read, ' ~ scale ~ ')') -}}
{% endmacro %}

{% macro duckdb__has_no_more_decimals(column, scale) %}
    {%- set is_short = 'regexp_full_match(' ~ column ~ "_text, '[0-9]+([.][0-9]{1," ~ scale ~ "})?')" -%}
    {{- return('case when ' ~ is_short ~ ' then true else ' ~ default__has_no_more_decimals(column, scale) ~ ' end') -}}
{% endmacro %}
