{#- The day that comes so many months before a day, or the last one of its month. -#}
{% macro months_before(day, months) %}{{ return(adapter.dispatch('months_before', 'retail')(day, months)) }}{% endmacro %}

{% macro default__months_before(day, months) %}
    {{- return('cast(' ~ day ~ " - interval '" ~ months ~ " months' as date)") -}}
{% endmacro %}

{% macro spark__months_before(day, months) %}{{ return('add_months(' ~ day ~ ', -' ~ months ~ ')') }}{% endmacro %}
