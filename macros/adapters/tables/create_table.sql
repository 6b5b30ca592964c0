{#- dbt puts a contract's keys into the create statement, so that PostgreSQL looks each of them up row by row while the
    table is filled. Here the table is filled first and the declared keys follow, each in one pass, in the same
    transaction: a row that breaks one still fails the model, and the old table stays. It is filled by the create statement,
    because an insert is never run by parallel workers. -#}
{% macro postgres__create_table_as(temporary, relation, sql) %}
    {%- set keyed = config.get('contract').enforced and not temporary -%}
    {%- set header = config.get('sql_header') -%}
    {{ header if header is not none }}
    {%- if keyed %}
    {{ get_assert_columns_equivalent(sql) }}
    create {{ 'unlogged' if config.get('meta', {}).get('unlogged') }} table {{ relation }} as
    select
        {%- for column in model['columns'].values() %}
        cast({{ column.name }} as {{ column.data_type }}) as {{ column.name }} {{- ',' if not loop.last }}
        {%- endfor %}
    from (
        {{ sql }}
    ) as built;
        {#- with --defer, a parent may be in another schema: a development table must not constrain production's -#}
        {%- for constraint in model['constraints'] if not constraint['to'] or '"' ~ relation.schema ~ '"."' in constraint['to'] %}
    alter table {{ relation }} add {{ adapter.render_raw_model_constraints([constraint])[0] }}
            {{- ' on delete cascade' if constraint['columns'] == config.get('meta', {}).get('deleted_with') }};
        {%- endfor %}
    {%- else %}
    create {{ 'temporary' if temporary else 'unlogged' if config.get('meta', {}).get('unlogged') }} table {{ relation }} as (
        {{ sql }}
    );
    {%- endif %}
{% endmacro %}

{#- In DuckDB a key costs an index in memory, and a table that a foreign key points at can't be replaced: the contract's types
    and columns are kept here, its keys by the data tests. -#}
{% macro duckdb__create_table_as(temporary, relation, sql, language='sql', partitioned_by=none, sorted_by=none) %}
    create {{ 'temporary' if temporary else 'or replace' }} table {{ relation }} as
    {{ as_contracted(sql, temporary) }}
{% endmacro %}

{#- Spark knows no keys at all. -#}
{% macro spark__create_table_as(temporary, relation, sql, language='sql') %}
    create {{ 'or replace temporary view' if temporary else 'table' }} {{ relation }} {{ 'using parquet' if not temporary }} as
    {{ as_contracted(sql, temporary) }}
{% endmacro %}

{#- The SQL with the columns and types of the model's contract, where it has one. -#}
{% macro as_contracted(sql, temporary) %}
    select
        {%- for column in model['columns'].values() if config.get('contract').enforced and not temporary %}
        cast({{ column.name }} as {{ sql_type(column.data_type) }}) as {{ column.name }} {{- ',' if not loop.last }}
        {%- else %}
        *
        {%- endfor %}
    from (
        {{ sql }}
    ) as built
{% endmacro %}

{#- DuckDB reads tables by columns: an index would help no query of the project, and has to fit into memory. -#}
{% macro duckdb__get_create_index_sql(relation, index_dict) %}{{ return(none) }}{% endmacro %}
