{#- The last day of the month that comes so many months after a day or moment. -#}
{% macro end_of_month(moment, months) %}{{ return(adapter.dispatch('end_of_month', 'retail')(moment, months)) }}{% endmacro %}

{% macro postgres__end_of_month(moment, months) %}
    {{- return(
        "cast(date_trunc('month', cast(" ~ moment ~ " as timestamp)) + interval '" ~ (months + 1) ~ " months' - interval '1 day' as date)"
    ) -}}
{% endmacro %}

{% macro duckdb__end_of_month(moment, months) %}
    {{- return('last_day(cast(' ~ moment ~ ' as date) + interval ' ~ months ~ ' month)') -}}
{% endmacro %}

{% macro spark__end_of_month(moment, months) %}
    {{- return('last_day(add_months(cast(' ~ moment ~ ' as date), ' ~ months ~ '))') -}}
{% endmacro %}
