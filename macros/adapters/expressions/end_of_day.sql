{#- The last moment of a day. -#}
{% macro end_of_day(day) %}{{ return(adapter.dispatch('end_of_day', 'retail')(day)) }}{% endmacro %}

{% macro default__end_of_day(day) %}
    {{- return('(cast(' ~ day ~ " as timestamp) + interval '1 day' - interval '1 microsecond')") -}}
{% endmacro %}

{% macro spark__end_of_day(day) %}
    {{- return('(cast(' ~ day ~ " as timestamp_ntz) + interval '1' day - interval '0.000001' second)") -}}
{% endmacro %}
