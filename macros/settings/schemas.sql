{#- dbt's own names of schemas, once RETAIL_SCHEMA was checked: dbt takes an identifier with capitals for another one, and
    PostgreSQL cuts a long one, so that two relations share a name. -#}
{% macro generate_schema_name(custom_schema_name, node) %}
    {%- if not modules.re.match('^[a-z_][a-z0-9_-]{0,54}$', target.schema) or target.schema | length > 55 -%}
        {{- exceptions.raise_compiler_error(
            "the schema (RETAIL_SCHEMA) is '" ~ target.schema ~ "': use at most 55 lower-case letters, digits, _ and -, and no "
            ~ 'digit first'
        ) -}}
    {%- endif -%}
    {{- return(default__generate_schema_name(custom_schema_name, node)) -}}
{% endmacro %}
