{#- The last day that is not the future: var data_cutoff_date, else the day of the run (UTC). -#}
{% macro data_cutoff_date() %}
    {{- return(date_literal('data_cutoff_date', var('data_cutoff_date') or run_started_at.strftime('%Y-%m-%d'))) -}}
{% endmacro %}

{#- A var's day as SQL; anything but an existing YYYY-MM-DD ends the run with a line that names the var. -#}
{% macro date_literal(name, value) %}
    {%- set text = value | string -%}
    {%- set parts = modules.re.match('^([0-9]{4})-([0-9]{2})-([0-9]{2})$', text) -%}
    {%- if not parts or not is_calendar_day(parts.group(1) | int, parts.group(2) | int, parts.group(3) | int) -%}
        {{- exceptions.raise_compiler_error("var " ~ name ~ " is '" ~ text ~ "': write a day as YYYY-MM-DD") -}}
    {%- endif -%}
    {{- return("cast('" ~ text ~ "' as date)") -}}
{% endmacro %}

{#- Whether the calendar has this day. -#}
{% macro is_calendar_day(year, month, day) %}
    {%- set leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) -%}
    {%- set days = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] -%}
    {{- return(year >= 1 and 1 <= month <= 12 and 1 <= day <= days[month - 1]) -}}
{% endmacro %}
