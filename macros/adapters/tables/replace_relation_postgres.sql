{#- dbt's own table and view send about nine statements per model and build a context for each rename and drop, which is half of
    the time of a build that has nothing to do. Here a table is two statements and a view is one. As in dbt's own, the old relation
    stays until the new one is complete, and goes with everything that depends on it. config.meta, for tables:

    analyze         true where the planner has to know the size, because the table is joined to large ones
    n_distinct      columns with the share of the rows that have another value in them, where the planner's sample, which takes
                    many rows from few pages, would tell too little
    partial_indexes indexes on some of the rows -#}
{% materialization table, adapter='postgres' %}{{ return(rebuild_postgres_table()) }}{% endmaterialization %}

{% materialization view, adapter='postgres' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') -%}
        {{ check_build_lock() }}
        {{ drop_existing_relation(existing) }}
        {{ get_create_view_as_sql(target_relation, sql) }}
    {%- endcall -%}
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
    {%- call statement('swap') -%}
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
        {%- if existing is not none and (is_amendable or meta.get('amends')) %}
        {{ forget_build(existing) }}
        {%- endif %}
        {{ drop_existing_relation(existing) }}
        alter table {{ intermediate }} rename to {{ adapter.quote(target_relation.identifier) }};
        {%- if is_amendable or meta.get('amends') %}
        {{ remember_build(target_relation) }}
        {%- endif %}
    {%- endcall -%}
    {{- return(finish_postgres_relation(existing, target_relation)) -}}
{% endmacro %}

{#- SQL that drops the relation that a new one replaces, if there is one. The views over it go too; `finish_build` names
    those that the run doesn't build again. -#}
{% macro drop_existing_relation(existing) %}
    {%- if existing is not none -%}
        {%- for view in views_over(model.unique_id) if view.unique_id not in selected_resources -%}
            {%- if load_cached_relation(existing.incorporate(path={'schema': view.schema, 'identifier': view.alias})) is not none -%}
                {%- do lost_views().append(view.name) -%}
            {%- endif -%}
        {%- endfor -%}
        drop {{ existing.type }} if exists {{ existing }} cascade;
    {%- endif -%}
{% endmacro %}

{#- The nodes of the views over a model, and of the views over those. -#}
{% macro views_over(unique_id) %}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.config.materialized == 'view' -%}
        {%- if unique_id in node.depends_on.nodes -%}
            {%- do found.extend([node] + views_over(node.unique_id)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}

{#- What follows the SQL of each materialization here: dbt's cache, grants, comments, hooks, the commit. -#}
{% macro finish_postgres_relation(existing, target_relation) %}
    {%- if existing is not none and existing is not sameas target_relation -%}
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
