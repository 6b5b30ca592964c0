{#- Ends a subquery whose expressions the engine must not repeat in the query around it. -#}
{% macro evaluate_once() %}{{ return(adapter.dispatch('evaluate_once', 'retail')()) }}{% endmacro %}

{#- PostgreSQL copies a subquery's expressions to each place that names them, unless there is a fence -#}
{% macro postgres__evaluate_once() %}{{ return('offset 0') }}{% endmacro %}
