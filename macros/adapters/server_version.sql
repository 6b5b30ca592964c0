{#- The first thing that a run asks of the server is which schemas it has, and only then does it create any: so an older
    PostgreSQL is refused here, before anything is written. -#}
{% macro postgres__list_schemas(database) %}
    {%- do require_server_version() -%}
    {{ return(dbt.postgres__list_schemas(database)) }}
{% endmacro %}

{% macro require_server_version() %}
    {#- pg_input_is_valid, which judges every value, came with 16 -#}
    {%- set oldest = 16 -%}
    {%- set found = run_query('show server_version').columns[0].values()[0] -%}
    {%- if (found | string).split('.')[0] | int < oldest -%}
        {{- exceptions.raise_compiler_error(
            'PostgreSQL ' ~ oldest ~ ' or later is needed, and this server is ' ~ found
            ~ ': set PGHOST to a newer one, or unset it to use the embedded one (make up). Nothing was written.'
        ) -}}
    {%- endif -%}
{% endmacro %}
