{#- The day of a moment in UTC, whatever zone the session is in. -#}
{% macro utc_day(moment) %}{{ return(adapter.dispatch('utc_day', 'retail')(moment)) }}{% endmacro %}

{% macro postgres__utc_day(moment) %}{{ return('cast(' ~ moment ~ " at time zone 'UTC' as date)") }}{% endmacro %}

{% macro duckdb__utc_day(moment) %}{{ return('cast(' ~ moment ~ " at time zone 'UTC' as date)") }}{% endmacro %}

{% macro spark__utc_day(moment) %}
    {{- return('cast(to_utc_timestamp(' ~ moment ~ ', current_timezone()) as date)') -}}
{% endmacro %}
