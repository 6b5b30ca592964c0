{#- Ends the run, when dbt parses, if an environment variable that profiles.yml reads has a value that can't work.
    retail/engines/environment.py says the same for the `retail` commands. -#}
{% macro require_environment() %}
    {%- set variables = {'RETAIL_SCHEMA': target.schema} -%}
    {%- if target.type == 'postgres' -%}
        {%- do variables.update({
            'PGHOST': target.host, 'PGPORT': env_var('PGPORT', '5432'), 'PGUSER': target.user, 'PGDATABASE': target.dbname
        }) -%}
    {%- elif target.type == 'duckdb' -%}
        {%- do variables.update({'RETAIL_DUCKDB': target.path}) -%}
    {%- elif target.type == 'spark' -%}
        {%- do variables.update({
            'SPARK_PORT': env_var('SPARK_PORT', '10000'),
            'SPARK_SHUFFLE_PARTITIONS': env_var('SPARK_SHUFFLE_PARTITIONS', '8'),
        }) -%}
    {%- endif -%}
    {%- for name, value in variables.items() -%}
        {%- set error = environment_error(name, value) -%}
        {%- if error -%}{{- exceptions.raise_compiler_error(error) -}}{%- endif -%}
    {%- endfor -%}
{% endmacro %}

{#- What is wrong with the value of an environment variable, in one line; none if nothing is.

    RETAIL_SCHEMA   PostgreSQL cuts a name at 63 bytes, and the longest of our schemas adds 8; dbt takes a name with capitals for
                    another one
    RETAIL_DUCKDB   DuckDB names the database after the file, so retail.stores would be ambiguous in retail.duckdb -#}
{% macro environment_error(name, value) %}
    {%- set value = value | string -%}
    {%- set is_number = modules.re.match('^[0-9]{1,5}$', value) -%}
    {%- if name == 'RETAIL_SCHEMA' -%}
        {%- set is_allowed = modules.re.match('^(?!pg_|information_schema$)[a-z_][a-z0-9_-]*$', value) and value | length <= 55 and '\n' not in value -%}
        {%- set allowed -%}
            at most 55 lower-case letters, digits, _ and -, no digit first, and no schema of the database itself
        {%- endset -%}
    {%- elif name in ['PGPORT', 'SPARK_PORT'] -%}
        {%- set is_allowed, allowed = is_number and 0 < value | int < 65536, 'a port number from 1 to 65535' -%}
    {%- elif name == 'SPARK_SHUFFLE_PARTITIONS' -%}
        {%- set is_allowed, allowed = is_number and 0 < value | int, 'a whole number from 1 to 99999' -%}
    {%- elif name == 'RETAIL_DUCKDB' -%}
        {%- set stem = value.split('/') | last -%}
        {%- set stem = stem.split('.')[0] -%}
        {%- set is_allowed = stem and ':' not in value and stem | lower != target.schema -%}
        {%- set allowed = 'a file whose name without its ending is not the name of the schema' -%}
    {%- else -%}
        {%- set is_allowed, allowed = value, 'a name, or unset it' -%}
    {%- endif -%}
    {%- if not is_allowed -%}
        {{- return(name ~ " is '" ~ value.split() | join(' ') ~ "': use " ~ allowed) -}}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}
