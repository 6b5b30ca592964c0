{#- Whole days from one date to a later one. -#}
{% macro days_between(earlier, later) %}
    {{- return(adapter.dispatch('days_between', 'retail')(earlier, later)) -}}
{% endmacro %}

{% macro postgres__days_between(earlier, later) %}{{ return('(' ~ later ~ ' - ' ~ earlier ~ ')') }}{% endmacro %}

{% macro duckdb__days_between(earlier, later) %}
    {{- return("date_diff('day', " ~ earlier ~ ', ' ~ later ~ ')') -}}
{% endmacro %}

{% macro spark__days_between(earlier, later) %}{{ return('datediff(' ~ later ~ ', ' ~ earlier ~ ')') }}{% endmacro %}
