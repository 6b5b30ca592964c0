{#- Whether a build on this engine can amend the tables that the last one left. Whether this build does, and why not, is decided in
    models/incremental/build_plan.sql and, per model, in `amends()` of macros/incremental/plan.sql. -#}
{% macro can_amend() %}{{ return(adapter.dispatch('can_amend', 'retail')()) }}{% endmacro %}

{% macro postgres__can_amend() %}{{ return(true) }}{% endmacro %}

{% macro default__can_amend() %}{{ return(false) }}{% endmacro %}
