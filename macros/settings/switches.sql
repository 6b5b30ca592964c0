{#- A var that is true or false. -#}
{% macro bool_var(name) %}
    {%- set value = var(name) -%}
    {%- if value is not boolean -%}
        {{- exceptions.raise_compiler_error("var " ~ name ~ " is '" ~ value ~ "': use true or false") -}}
    {%- endif -%}
    {{- return(value) -}}
{% endmacro %}
{#- Whether this run may add to the history: not one that is told to read no rows (dbt build --empty), because then every
    reject would seem to be gone. -#}
{% macro remembers() %}{{ return(not flags.EMPTY) }}{% endmacro %}
