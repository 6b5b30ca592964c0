{#- A var that is true or false. -#}
{% macro bool_var(name) %}
    {%- set value = var(name) -%}
    {%- if value is not boolean -%}
        {{- exceptions.raise_compiler_error("var " ~ name ~ " is '" ~ value ~ "': use true or false") -}}
    {%- endif -%}
    {{- return(value) -}}
{% endmacro %}
