{#- DuckDB replaces a table or a view in one statement, which needs no transaction around it where there are no hooks; dbt's own
    sends eight. -#}
{% materialization table, adapter='duckdb' %}{{ return(replace_duckdb_relation('table')) }}{% endmaterialization %}

{% materialization view, adapter='duckdb' %}{{ return(replace_duckdb_relation('view')) }}{% endmaterialization %}

{#- Writes the model's table or view in the place of the one that is there. -#}
{% macro replace_duckdb_relation(type) %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type=type) -%}
    {%- set has_hooks = (pre_hooks + post_hooks) | length > 0 -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if existing is not none and existing.type != type -%}{%- do adapter.drop_relation(existing) -%}{%- endif -%}
    {%- call statement('main', auto_begin=has_hooks) -%}
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
    {%- if has_hooks -%}{%- do adapter.commit() -%}{%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{- return({'relations': [target_relation]}) -}}
{% endmacro %}
