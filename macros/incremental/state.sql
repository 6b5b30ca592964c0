{#- Through which file each amended table was built, and on what terms. A table is known by its object id: one that was
    dropped or replaced by another kind of build is not known any more. -#}
{% macro build_state() %}
    {{- return(api.Relation.create(
        database=target.database | default(none), schema=target.schema ~ '_staging', identifier='build_state'
    )) -}}
{% endmacro %}

{#- on-run-start: the table that remembers it. -#}
{% macro prepare_build_state() %}
    {%- if is_amending_run() -%}
        {%- if load_relation(build_state()) is none %}
            {%- do adapter.create_schema(build_state().without_identifier()) %}
            create table if not exists {{ build_state() }} (
                relation_id oid primary key,
                through_file_id integer not null,
                loaded_at timestamp with time zone,
                fingerprint text not null,
                data_cutoff_date date not null
            )
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{#- Remembers, in the transaction that built it, what this table holds now. -#}
{% macro remember_build(relation) %}
    {%- if lands() and can_amend() %}
    insert into {{ build_state() }} (relation_id, through_file_id, loaded_at, fingerprint, data_cutoff_date)
    select
        '{{ relation }}'::regclass,
        new_through_file_id,
        new_loaded_at,
        fingerprint,
        data_cutoff_date
    from {{ build_plan() }}
    limit 1
    on conflict (relation_id) do update set
        through_file_id = excluded.through_file_id,
        loaded_at = excluded.loaded_at,
        fingerprint = excluded.fingerprint,
        data_cutoff_date = excluded.data_cutoff_date
    {%- endif -%}
{% endmacro %}

{#- Post-hook of build_plan: where everything is built anew, nothing counts as built until it is, so that a build that is
    stopped half way begins anew. -#}
{% macro forget_builds() %}
    {%- if is_amending_run() -%}
        {%- set because = run_query('select max(full_because) from ' ~ this).columns[0].values()[0] -%}
        {%- if because -%}
            {%- do log('everything is built anew: ' ~ because, info=true) -%}
            delete from {{ build_state() }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
