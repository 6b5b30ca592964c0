{#- Aggregate: the texts of a group in the order of another column, with a separator between them. -#}
{% macro join_in_order(text, separator, place) %}
    {{- return(adapter.dispatch('join_in_order', 'retail')(text, separator, place)) -}}
{% endmacro %}

{% macro default__join_in_order(text, separator, place) %}
    {{- return('string_agg(' ~ text ~ ", '" ~ separator ~ "' order by " ~ place ~ ')') -}}
{% endmacro %}

{% macro spark__join_in_order(text, separator, place) %}
    {{- return('listagg(' ~ text ~ ", '" ~ separator ~ "') within group (order by " ~ place ~ ')') -}}
{% endmacro %}
