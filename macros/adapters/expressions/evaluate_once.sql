{#- Ends a subquery whose expressions the engine must not repeat in the query around it. -#}
{% macro evaluate_once() %}{{ return(adapter.dispatch('evaluate_once', 'retail')()) }}{% endmacro %}

{#- PostgreSQL copies a subquery's expressions to each place that names them, unless there is a fence. A plain 0 would be a
    four-byte number, which has to be cast, and what has to be cast is no constant yet when PostgreSQL asks whether
    parallel workers may run the subquery: written as eight bytes, they may. -#}
{% macro postgres__evaluate_once() %}{{ return("offset bigint '0'") }}{% endmacro %}

{% macro default__evaluate_once() %}{{ return('') }}{% endmacro %}
