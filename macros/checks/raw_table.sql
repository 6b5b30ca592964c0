{#- The raw rows of a table: the seeds, or what retail load brought into the landing schema. -#}
{% macro raw_table(table) %}
    {%- if var('raw_layer') == 'landing' -%}
        {%- set relation = source('landing', 'raw_' ~ table) -%}
        {%- do require_loaded(relation) -%}
        {{- return(relation) -}}
    {%- elif var('raw_layer') == 'seeds' -%}
        {{- return(ref('raw_' ~ table)) -}}
    {%- else -%}
        {{- exceptions.raise_compiler_error("var raw_layer is '" ~ var('raw_layer') ~ "': use seeds or landing") -}}
    {%- endif -%}
{% endmacro %}

{#- Ends the run in plain words where retail load has not been there yet. -#}
{% macro require_loaded(relation) %}
    {%- if execute and flags.WHICH in ['run', 'build'] and load_relation(relation) is none -%}
        {{- exceptions.raise_compiler_error(
            relation.schema ~ '.' ~ relation.identifier ~ ' is not there: load your files first (retail load DIR)'
        ) -}}
    {%- endif -%}
{% endmacro %}
