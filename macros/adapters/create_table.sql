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
        {%- for constraint in model['constraints'] %}
    alter table {{ relation }} add {{ adapter.render_raw_model_constraints([constraint])[0] }}
            {{- ' on delete cascade' if constraint['columns'] == config.get('meta', {}).get('deleted_with') }};
        {%- endfor %}
    {%- else %}
    create {{ 'temporary' if temporary else 'unlogged' if config.get('meta', {}).get('unlogged') }} table {{ relation }} as (
        {{ sql }}
    );
    {%- endif %}
{% endmacro %}
