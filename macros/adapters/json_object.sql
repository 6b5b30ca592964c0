{#- A JSON object from a mapping of names to SQL expressions. -#}
{% macro json_object(members) %}{{ return(adapter.dispatch('json_object', 'retail')(members)) }}{% endmacro %}

{% macro postgres__json_object(members) %}
    {%- set pairs = [] -%}
    {%- for name, expression in members.items() -%}
        {%- do pairs.append("'" ~ name ~ "', " ~ expression) -%}
    {%- endfor -%}
    {{- return('jsonb_build_object(' ~ pairs | join(', ') ~ ')') -}}
{% endmacro %}
