{{ config(post_hook="{{ forget_builds() }}") }}
-- Before anything is built: what each amended table holds, and whether it can be amended.
{%- do require_loaded(source('landing', 'loaded_files')) %}
{%- set models = amended_models() if execute else [] %}

with

loaded_files as (

    select * from {{ source('landing', 'loaded_files') }}

),

repairs as (

    select * from {{ source('landing', 'repairs') }}

),

states as (

    select * from {{ build_state() }}

),

-- a checked table reads the raw rows of its own name
models as (
    {% for node in models %}
    select
        '{{ node.name }}' as model_name,
        {% if node.name.startswith('checked_') -%}
        '{{ node.name | replace('checked_', '') }}'
        {%- else -%}
        cast(null as {{ sql_type('text') }})
        {%- endif %} as source_table,
        {{ relation_id(node.relation_name) }} as relation_id
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        cast(null as {{ sql_type('text') }}) as model_name,
        cast(null as {{ sql_type('text') }}) as source_table,
        cast(null as bigint) as relation_id
    where false
    {%- endfor %}

),

newest as (

    select
        coalesce(max(file_id), 0) as new_through_file_id,
        max(loaded_at) as new_loaded_at,
        '{{ build_fingerprint() if execute }}' as fingerprint,
        {{ data_cutoff_date() }} as data_cutoff_date,
        {{ seen_through() }} as seen_through,
        {{ landing_state() }} as landing_state
    from loaded_files

),

known as (

    select
        models.model_name,
        models.source_table,
        states.through_file_id,
        states.data_cutoff_date,
        states.seen_through,
        case
            when states.relation_id is null then 'a table is not there yet'
            when states.fingerprint <> newest.fingerprint then 'rules, vars, models or reference seeds have changed'
            when states.data_cutoff_date > newest.data_cutoff_date then 'the cut-off date is earlier'
            when loaded_files.file_id is null and states.through_file_id > 0 then 'the files were loaded again from the start'
            when newest.landing_state is null
                then 'changes of the landing tables by hand are not recorded yet: the next retail load sees to it'
            when states.landing_state is distinct from newest.landing_state
                then 'landing tables were changed by hand, as {{ source('landing', 'manual_changes') | replace('"', '') }} says'
        end as full_because
    from models
    cross join newest
    left join states on models.relation_id = states.relation_id
    left join loaded_files
        on
            states.through_file_id = loaded_files.file_id
            and states.loaded_at = loaded_files.loaded_at

),

-- a repaired master row may be an old statement of its key, which the checked table no longer holds
repaired_masters as (

    select count(*) as repairs_found
    from repairs
    where
        source_table not in ('{{ fact_tables() | join("', '") }}')
        and file_id > (select min(through_file_id) from known)

),

reasons as (

    select
        case
            when {{ flags.FULL_REFRESH }} then 'it was asked for'
            else coalesce(
                max(known.full_because),
                case when max(repaired_masters.repairs_found) > 0 then 'master data were repaired' end
            )
        end as full_because,
        min(known.data_cutoff_date) as cutoff_before,
        min(known.seen_through) as earliest_seen_through,
        max(known.seen_through) as latest_seen_through,
        min(known.through_file_id) < max(
            case when known.model_name = 'affected_transactions' then known.through_file_id end
        ) as resumes
    from known
    cross join repaired_masters

),

first_rows as (

    select
        known.model_name,
        min(loaded_files.first_row_number) as first_new_row
    from known
    inner join loaded_files
        on
            known.source_table = loaded_files.source_table
            and loaded_files.file_id > coalesce(known.through_file_id, 0)
            and loaded_files.first_row_number > 0
    group by known.model_name

),

last_rows as (
    {% for table in checked_tables() %}
    select
        'checked_{{ table }}' as model_name,
        (select coalesce(max(source_row_number), 0) from {{ landed_table(table) }}) as last_row
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

final as (

    select
        known.model_name,
        coalesce(known.through_file_id, 0) as through_file_id,
        first_rows.first_new_row,
        last_rows.last_row,
        reasons.full_because,
        coalesce(reasons.resumes, false) as resumes,
        reasons.cutoff_before,
        least(reasons.earliest_seen_through, newest.seen_through) as seen_always_through,
        greatest(reasons.latest_seen_through, newest.seen_through) as seen_once_through,
        newest.new_through_file_id,
        newest.new_loaded_at,
        newest.fingerprint,
        newest.data_cutoff_date,
        newest.seen_through,
        newest.landing_state
    from known
    cross join reasons
    cross join newest
    left join first_rows on known.model_name = first_rows.model_name
    left join last_rows on known.model_name = last_rows.model_name

)

select * from final
