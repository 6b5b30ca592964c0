{#- The first day of the month of a day or moment. -#}
{% macro first_of_month(moment) %}{{ return(adapter.dispatch('first_of_month', 'retail')(moment)) }}{% endmacro %}

{% macro default__first_of_month(moment) %}
    {{- return("cast(date_trunc('month', " ~ moment ~ ') as date)') -}}
{% endmacro %}
