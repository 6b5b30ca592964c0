{#- DuckDB replaces a table or a view in one statement; dbt's own sends eight. -#}
{% materialization table, adapter='duckdb' %}{{ return(replace_duckdb_relation('table')) }}{% endmaterialization %}

{% materialization view, adapter='duckdb' %}{{ return(replace_duckdb_relation('view')) }}{% endmaterialization %}

{#- Writes the model's table or view in the place of the one that is there. -#}
{% macro replace_duckdb_relation(type) %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type=type) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if existing is not none and existing.type != type -%}{%- do adapter.drop_relation(existing) -%}{%- endif -%}
    {%- call statement('main') -%}
        {%- if type == 'table' -%}
        {{ get_create_table_as_sql(False, target_relation, sql) }}
        {%- else -%}
        create or replace view {{ target_relation }} as (
            {{ sql }}
        )
        {%- endif -%}
    {%- endcall -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{- return({'relations': [target_relation]}) -}}
{% endmacro %}
