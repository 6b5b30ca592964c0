{#- What each amended table holds: through which file it was built, and on what terms. A table is known by its object id, so
    one that was dropped, or replaced by another kind of build, is unknown. -#}
{% macro build_state() %}
    {{- return(api.Relation.create(
        database=target.database | default(none), schema=target.schema ~ '_staging', identifier='build_state'
    )) -}}
{% endmacro %}

{#- on-run-start: the lock of the build, and the table that remembers. Work tables of earlier versions of the project are dropped. -#}
{% macro prepare_build() %}
    {%- do require_seeds() -%}
    {{- take_build_lock() -}}
    {%- if execute and flags.WHICH in ['run', 'build'] -%}
        {%- for name in [
            'prechecked_store_sales_line_items', 'repeated_store_sales_header', 'repeated_store_sales_line_items',
            'transaction_lines', 'closed_transactions', 'touched_transactions', 'touched_customers', 'delta_plan', 'delta_state'
        ] -%}
            {%- set old = load_cached_relation(build_state().incorporate(path={'identifier': name})) -%}
            {%- if old is not none -%}{%- do adapter.drop_relation(old) -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if execute and flags.WHICH in ['seed', 'build'] -%}{%- do drop_cloned_seeds() -%}{%- endif -%}
    {%- if is_amending_run() -%}
        {%- if load_cached_relation(build_state()) is none %}
            {%- do adapter.create_schema(build_state().without_identifier()) %}
            create table if not exists {{ build_state() }} (
                relation_id bigint primary key,
                through_file_id integer not null,
                loaded_at timestamp with time zone,
                fingerprint text not null,
                data_cutoff_date date not null,
                seen_through date not null,
                landing_state text
            )
        {%- else %}
            {{ add_missing_column(build_state(), 'seen_through', "date not null default '9999-12-31'") }};
            {{ add_missing_column(build_state(), 'landing_state', 'text') }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{#- Drops the views that `dbt clone` left in place of the seeds of this run: dbt loads no seed over a view. -#}
{% macro drop_cloned_seeds() %}
    {%- for id in selected_resources if id.startswith('seed.') -%}
        {%- set seed = graph.nodes[id] -%}
        {%- set relation = api.Relation.create(database=seed.database, schema=seed.schema, identifier=seed.alias) -%}
        {%- set found = load_cached_relation(relation) -%}
        {%- if found is not none and found.is_view -%}{%- do adapter.drop_relation(found) -%}{%- endif -%}
    {%- endfor -%}
{% endmacro %}

{#- Ends `dbt run` in plain words if the seeds that it reads were never loaded. -#}
{% macro require_seeds() %}
    {%- if execute and flags.WHICH == 'run' and not invocation_args_dict.get('defer') -%}
        {%- set absent = [] -%}
        {%- for id in selected_resources if id in graph.nodes -%}
            {%- for parent in graph.nodes[id].depends_on.nodes if parent.startswith('seed.') and parent not in absent -%}
                {%- set seed = graph.nodes[parent] -%}
                {%- set relation = api.Relation.create(database=seed.database, schema=seed.schema, identifier=seed.alias) -%}
                {%- if load_relation(relation) is none -%}{%- do absent.append(parent) -%}{%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- if absent -%}
            {{- exceptions.raise_compiler_error(
                'the seeds are not loaded yet (' ~ graph.nodes[absent[0]].schema ~ '.' ~ graph.nodes[absent[0]].alias
                ~ ' is not there): run `dbt seed` first, or `dbt build`, which does both'
            ) -}}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{#- SQL that forgets what a table holds, because another one takes its name. -#}
{% macro forget_build(relation) %}
    {%- if is_amending_run() %}
    delete from {{ build_state() }} where relation_id = {{ relation_id(relation) }};
    {%- endif -%}
{% endmacro %}

{#- SQL that remembers, in the transaction that built a table, what the table holds now. -#}
{% macro remember_build(relation) %}
    {%- if is_amending_run() %}
    {{ forget_build(relation) }}
    insert into {{ build_state() }} (
        relation_id, through_file_id, loaded_at, fingerprint, data_cutoff_date, seen_through, landing_state
    )
    select
        {{ relation_id(relation) }},
        new_through_file_id,
        new_loaded_at,
        fingerprint,
        data_cutoff_date,
        seen_through,
        landing_state
    from {{ build_plan_relation() }}
    limit 1
    {%- endif -%}
{% endmacro %}

{#- Post-hook of build_plan: in a full rebuild no table counts as built until it is rebuilt, so that a build that stops half way
    starts over. -#}
{% macro forget_builds() %}
    {%- if is_amending_run() -%}
        {%- set because = run_query('select max(full_because) from ' ~ this).columns[0].values()[0] -%}
        {%- if because -%}
            {%- do log('full rebuild: ' ~ because, info=true) -%}
            delete from {{ build_state() }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
