{#- Whether this run may add to the history: not one that reads no rows (dbt build --empty), because every reject would seem to
    be gone. -#}
{% macro remembers() %}{{ return(not flags.EMPTY) }}{% endmacro %}
