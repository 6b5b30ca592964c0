{#- The whole number of times that one whole number goes into another; neither is below 0. -#}
{% macro divide_whole(part, whole) %}
    {{- return(adapter.dispatch('divide_whole', 'retail')(part, whole)) -}}
{% endmacro %}

{% macro postgres__divide_whole(part, whole) %}{{ return('((' ~ part ~ ') / (' ~ whole ~ '))') }}{% endmacro %}

{% macro duckdb__divide_whole(part, whole) %}{{ return('((' ~ part ~ ') // (' ~ whole ~ '))') }}{% endmacro %}

{% macro spark__divide_whole(part, whole) %}{{ return('((' ~ part ~ ') div (' ~ whole ~ '))') }}{% endmacro %}
