{#- Whether this run may add to the history: not one that is told to read no rows (dbt build --empty), because then every
    reject would seem to be gone. -#}
{% macro remembers() %}{{ return(not flags.EMPTY) }}{% endmacro %}
