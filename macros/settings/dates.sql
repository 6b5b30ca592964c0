{#- The last day that is not the future, as SQL. -#}
{% macro data_cutoff_date() %}
    {{- return(date_literal(setting('data_cutoff_date') or run_started_at.strftime('%Y-%m-%d'))) -}}
{% endmacro %}

{#- The last day whose facts the ledger, the scores and the segments see, as SQL: the var as_of_date, else no day is too late. -#}
{% macro seen_through() %}{{ return(date_literal(setting('as_of_date') or '9999-12-31')) }}{% endmacro %}

{#- "Today" for recency and expiry, as SQL: the var as_of_date, else the day of the latest transaction, else the cut-off date.

    latest  SQL of the moment of the latest transaction -#}
{% macro as_of_date(latest) %}
    {{- return(
        date_literal(setting('as_of_date')) if setting('as_of_date')
        else 'coalesce(cast(' ~ latest ~ ' as date), ' ~ data_cutoff_date() ~ ')'
    ) -}}
{% endmacro %}

{#- Whether a fact of this day or moment is seen; nothing is asked where the var as_of_date is not set. -#}
{% macro is_seen(moment) %}
    {{- return('cast(' ~ moment ~ ' as date) <= ' ~ seen_through() if setting('as_of_date') else 'true') -}}
{% endmacro %}

{#- A day as SQL. -#}
{% macro date_literal(day) %}{{ return("cast('" ~ day ~ "' as date)") }}{% endmacro %}

{#- Whether a text is a day of the calendar, written as YYYY-MM-DD. -#}
{% macro is_day(text) %}
    {%- set parts = modules.re.match('^([0-9]{4})-([0-9]{2})-([0-9]{2})$', text) -%}
    {%- if not parts or text | length > 10 -%}{{- return(false) -}}{%- endif -%}
    {%- set year, month, day = parts.group(1) | int, parts.group(2) | int, parts.group(3) | int -%}
    {%- set leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) -%}
    {%- set days = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] -%}
    {{- return(year >= 1 and 1 <= month <= 12 and 1 <= day <= days[month - 1]) -}}
{% endmacro %}
