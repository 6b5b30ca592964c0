{#- dbt puts a contract's keys into the create statement, so that PostgreSQL looks each of them up row by row while the
    table is filled. Here the table is filled first and the declared keys follow, each in one pass, in the same
    transaction: a row that breaks one still fails the model, and the old table stays. -#}
{% macro postgres__create_table_as(temporary, relation, sql) %}
    {%- set keyed = config.get('contract').enforced and not temporary -%}
    {%- set header = config.get('sql_header') -%}
    {{ header if header is not none }}
    {%- if keyed %}
    {{ get_assert_columns_equivalent(sql) }}
    create {{ 'unlogged' if config.get('unlogged', default=false) }} table {{ relation }} (
        {{ adapter.render_raw_columns_constraints(raw_columns=model['columns']) | join(',\n        ') }}
    );
    insert into {{ relation }} ({{ adapter.dispatch('get_column_names', 'dbt')() }})
    {{ get_select_subquery(sql) }};
        {%- for constraint in adapter.render_raw_model_constraints(raw_constraints=model['constraints']) %}
    alter table {{ relation }} add {{ constraint }};
        {%- endfor %}
    {%- else %}
    create {{ 'temporary' if temporary else 'unlogged' if config.get('unlogged', default=false) }} table {{ relation }} as (
        {{ sql }}
    );
    {%- endif %}
{% endmacro %}
