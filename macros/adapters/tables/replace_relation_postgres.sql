{#- dbt's own table and view send about nine statements per model and build a context for each rename and drop, which is half of
    the time of a build that has nothing to do. Here a table is two statements and a view is one. As in dbt's own, the old relation
    stays until the new one is complete; the views over it come back. config.meta, for tables:

    analyze         true where the planner has to know the size, because the table is joined to large ones
    n_distinct      columns with the share of the rows that have another value in them, where the planner's sample, which takes
                    many rows from few pages, would tell too little
    partial_indexes indexes on some of the rows -#}
{% materialization table, adapter='postgres' %}{{ return(rebuild_postgres_table()) }}{% endmaterialization %}

{% materialization view, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {#- a view that came back with the table under it may be unknown to dbt's cache -#}
    {%- set existing = load_cached_relation(this) or target_relation -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- set creation = get_create_view_as_sql(target_relation, sql) -%}
    {%- call noop_statement('main', 'CREATE VIEW') -%}{{ creation }}{%- endcall -%}
    {%- call statement('swap', fetch_result=true) -%}
        {{ check_build_lock() }}
        {{ note_views(existing) }}
        drop {{ existing.type }} if exists {{ existing }} cascade;
        {{ creation }};
        {{ restore_views() }}
    {%- endcall -%}
    {%- do name_lost_views('swap') -%}
    {{ return(finish_postgres_relation(existing, target_relation)) }}
{% endmaterialization %}

{#- Writes the model's table beside the one that is there and swaps the two. An amendable table remembers what it holds. -#}
{% macro rebuild_postgres_table(is_amendable=false) %}
    {%- set meta = config.get('meta', {}) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set intermediate = make_intermediate_relation(target_relation) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') -%}
        {{ check_build_lock() }}
        drop table if exists {{ intermediate }} cascade;
        {{ get_create_table_as_sql(False, intermediate, sql) }}
    {%- endcall -%}
    {%- call statement('swap', fetch_result=existing is not none) -%}
        {%- for index in config.get('indexes', []) %}
        {{ get_create_index_sql(intermediate, index) }};
        {%- endfor %}
        {%- for index in meta.get('partial_indexes', []) %}
        create index on {{ intermediate }} ({{ index.column }}) where {{ index.where }};
        {%- endfor %}
        {%- for column, share in meta.get('n_distinct', {}).items() %}
        alter table {{ intermediate }} alter column {{ column }} set (n_distinct = -{{ share }});
        {%- endfor %}
        {%- if meta.get('analyze') or (is_amendable and lands()) %}
        analyze {{ intermediate }};
        {%- endif %}
        {%- if existing is not none %}
            {%- if is_amendable or meta.get('amends') %}
        {{ forget_build(existing) }}
            {%- endif %}
        {{ note_views(existing) }}
        drop {{ existing.type }} if exists {{ existing }} cascade;
        {%- endif %}
        alter table {{ intermediate }} rename to {{ adapter.quote(target_relation.identifier) }};
        {%- if is_amendable or meta.get('amends') %}
        {{ remember_build(target_relation) }};
        {%- endif %}
        {%- if existing is not none %}
        {{ restore_views() }}
        {%- endif %}
    {%- endcall -%}
    {%- if existing is not none -%}{%- do name_lost_views('swap') -%}{%- endif -%}
    {{- return(finish_postgres_relation(existing, target_relation)) -}}
{% endmacro %}

{#- What follows the SQL of each materialization here: dbt's cache, grants, comments, hooks, the commit. -#}
{% macro finish_postgres_relation(existing, target_relation) %}
    {%- if existing is not none and existing.type != target_relation.type -%}
        {%- do adapter.cache_dropped(existing) -%}
    {%- endif -%}
    {%- if config.get('grants') -%}
        {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, True)) -%}
    {%- endif -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{- return({'relations': [target_relation]}) -}}
{% endmacro %}
