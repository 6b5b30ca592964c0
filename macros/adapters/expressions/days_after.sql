{#- The day that comes so many days after a day. -#}
{% macro days_after(day, days) %}{{ return(adapter.dispatch('days_after', 'retail')(day, days)) }}{% endmacro %}

{% macro default__days_after(day, days) %}{{ return('(' ~ day ~ ' + ' ~ days ~ ')') }}{% endmacro %}

{% macro spark__days_after(day, days) %}{{ return('date_add(' ~ day ~ ', ' ~ days ~ ')') }}{% endmacro %}
