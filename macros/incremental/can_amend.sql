{#- Whether a build can amend the tables that the last one left; else it writes all of them anew. -#}
{% macro can_amend() %}{{ return(adapter.dispatch('can_amend', 'retail')()) }}{% endmacro %}

{% macro postgres__can_amend() %}{{ return(true) }}{% endmacro %}

{% macro default__can_amend() %}{{ return(false) }}{% endmacro %}
