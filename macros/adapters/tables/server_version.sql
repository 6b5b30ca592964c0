{#- The first thing that a run asks of the server is which schemas it has, and only then does it create any: so an older
    PostgreSQL is refused here, before anything is written. -#}
{% macro postgres__list_schemas(database) %}
    {%- do require_server_version(run_query('show server_version_num').columns[0].values()[0]) -%}
    {{ return(dbt.postgres__list_schemas(database)) }}
{% endmacro %}

{#- Ends the run where the server is too old; number is its server_version_num, such as 160004. -#}
{% macro require_server_version(number) %}
    {#- pg_input_is_valid, which judges every value, came with 16 -#}
    {%- set oldest = 16 -%}
    {%- set found = number | int // 10000 -%}
    {%- if found < oldest -%}
        {{- exceptions.raise_compiler_error(
            'PostgreSQL ' ~ oldest ~ ' or later is needed, and this server is PostgreSQL ' ~ found
            ~ ': set PGHOST to a newer one, or unset it to use the embedded one (make up). Nothing was written.'
        ) -}}
    {%- endif -%}
{% endmacro %}
