{#- What the engine calls a type of the contract. -#}
{% macro sql_type(name) %}{{ return(adapter.dispatch('sql_type', 'retail')(name)) }}{% endmacro %}

{% macro default__sql_type(name) %}{{ return(name) }}{% endmacro %}

{#- A plain numeric would have three decimals: eighteen are as many as an amount may have as read. -#}
{% macro duckdb__sql_type(name) %}
    {{- return({'numeric': 'decimal(38, 18)', 'jsonb': 'json', 'text': 'varchar'}.get(name, name)) -}}
{% endmacro %}

{#- Texts have no length in a table of Spark's; a timestamp without a zone has to be asked for. -#}
{% macro spark__sql_type(name) %}
    {%- if name == 'text' or name.startswith('varchar') -%}{{- return('string') -}}{%- endif -%}
    {{- return({
        'numeric': 'decimal(38, 18)',
        'jsonb': 'string',
        'double precision': 'double',
        'timestamp': 'timestamp_ntz',
        'timestamp with time zone': 'timestamp',
    }.get(name, name)) -}}
{% endmacro %}
