{#- The number by which the engine knows a table, which a table of the same name that replaces it does not have; null where
    there is no such table. -#}
{% macro relation_id(relation) %}{{ return(adapter.dispatch('relation_id', 'retail')(relation)) }}{% endmacro %}

{% macro postgres__relation_id(relation) %}{{ return("cast(to_regclass('" ~ relation ~ "') as bigint)") }}{% endmacro %}

{% macro default__relation_id(relation) %}{{ return('cast(null as bigint)') }}{% endmacro %}
