{#- The raw rows of a table: the seeds, or what retail load brought into the landing schema. -#}
{% macro raw_table(table) %}
    {%- if var('raw_layer') == 'landing' -%}
        {{- return(source('landing', 'raw_' ~ table)) -}}
    {%- elif var('raw_layer') == 'seeds' -%}
        {{- return(ref('raw_' ~ table)) -}}
    {%- else -%}
        {{- exceptions.raise_compiler_error("var raw_layer is '" ~ var('raw_layer') ~ "': use seeds or landing") -}}
    {%- endif -%}
{% endmacro %}
