{{ config(
    unique_key=['raw_layer', 'quarantine_id', 'opening_number'],
    incremental_strategy='merge',
    indexes=[{'columns': [key_hash(['transaction_id'])]}],
    pre_hook="{{ add_missing_column(this, 'transaction_id', 'text') }}",
    post_hook="{{ remember_build(this) }}",
    meta={'amends': true}
) }}
{%- set what_was_seen = [
    'source_row_number', 'transaction_id', 'rejected_record_id', 'failed_rules', 'reason', 'caused_by', 'raw_record', 'amount_at_stake'
] %}

with

rejected_records as (

    {{ affected_rejects(ref('rejected_records')) }}

),
{% for table in checked_tables() %}
checked_{{ table }} as (

    {% if table in sales_tables() -%}
    {{ affected_rows(ref('checked_' ~ table)) }}
    {%- else -%}
    select * from {{ ref('checked_' ~ table) }}
    {%- endif %}

),
{% endfor %}
build as (

    select * from {{ ref('dq_builds') }}
    where raw_layer = '{{ setting('raw_layer') }}'
    order by build_number desc
    limit 1

),

{% if is_incremental() -%}
affected_history as (

    {{ affected_rejects(this) }}

),

{% endif -%}
remembered as (
    {% if is_incremental() %}
    select * from affected_history
    where raw_layer = '{{ setting('raw_layer') }}'
    {% else %}
    -- nothing yet: columns only
    select
        quarantine_id,
        source_table,
        record_key,
        {%- for column in what_was_seen %}
        {{ column }},
        {%- endfor %}
        cast(null as bigint) as opening_number,
        cast(null as {{ sql_type('text') }}) as status,
        cast(null as {{ sql_type('text') }}) as resolution,
        cast(null as bigint) as first_seen_build,
        cast(null as {{ sql_type('timestamp with time zone') }}) as first_seen_at,
        cast(null as bigint) as last_seen_build,
        cast(null as {{ sql_type('timestamp with time zone') }}) as last_seen_at
    from rejected_records
    where false
    {% endif %}
),

open_before as (

    select * from remembered
    where status = 'open'

),

-- the last time that each record was opened, whether it is still open or not: one join, because the planner took two
-- joins for a row each and compared row by row
last_openings as (

    select
        *,
        status = 'open' as is_open
    from (
        select
            *,
            row_number() over (
                partition by quarantine_id
                order by opening_number desc
            ) as openings_since
        from remembered
    ) as numbered
    where openings_since = 1

),

-- a record that is rejected now was open before, or opens now, for the first time or again
rejected_now as (

    select
        rejected_records.quarantine_id,
        case
            when last_openings.is_open then last_openings.opening_number
            else coalesce(last_openings.opening_number + 1, 1)
        end as opening_number,
        rejected_records.source_table,
        rejected_records.record_key,
        {%- for column in what_was_seen %}
        rejected_records.{{ column }},
        {%- endfor %}
        'open' as status,
        cast(null as {{ sql_type('text') }}) as resolution,
        case
            when last_openings.is_open then last_openings.first_seen_build
            else build.build_number
        end as first_seen_build,
        case
            when last_openings.is_open then last_openings.first_seen_at
            else build.built_at
        end as first_seen_at,
        build.build_number as last_seen_build,
        build.built_at as last_seen_at,
        cast(null as bigint) as resolved_in_build,
        cast(null as {{ sql_type('timestamp with time zone') }}) as resolved_at,
        cast(null as {{ sql_type('timestamp with time zone') }}) as resolved_by_load
    from rejected_records
    cross join build
    left join last_openings on rejected_records.quarantine_id = last_openings.quarantine_id
    where not coalesce(last_openings.is_open and last_openings.last_seen_build = build.build_number, false)

),

-- by except: of an anti join the planner expects one row, and then compares all keys row by row
gone_ids as (

    select quarantine_id from open_before
    except
    select quarantine_id from rejected_records

),

gone as (

    select open_before.*
    from open_before
    inner join gone_ids on open_before.quarantine_id = gone_ids.quarantine_id

),

-- where the rows of the keys are now
clean_keys as (
    {% for table in checked_tables() %}
    select distinct
        gone.source_table,
        gone.record_key
    from gone
    inner join checked_{{ table }}
        on
            gone.source_table = '{{ table }}'
            and gone.record_key = checked_{{ table }}.record_key
    where checked_{{ table }}.is_valid
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

rejected_keys as (

    select distinct
        gone.source_table,
        gone.record_key
    from gone
    inner join rejected_records
        on
            gone.source_table = rejected_records.source_table
            and gone.record_key = rejected_records.record_key

),

resolved_now as (

    select
        gone.quarantine_id,
        gone.opening_number,
        gone.source_table,
        gone.record_key,
        {%- for column in what_was_seen %}
        gone.{{ column }},
        {%- endfor %}
        'resolved' as status,
        case
            when position('_duplicate' in gone.failed_rules) > 0 and clean_keys.record_key is not null then 'withdrawn'
            when clean_keys.record_key is not null then 'repaired'
            when rejected_keys.record_key is not null then 'replaced'
            else 'withdrawn'
        end as resolution,
        gone.first_seen_build,
        gone.first_seen_at,
        gone.last_seen_build,
        gone.last_seen_at,
        build.build_number as resolved_in_build,
        build.built_at as resolved_at,
        build.loaded_at as resolved_by_load
    from gone
    cross join build
    left join clean_keys
        on
            gone.source_table = clean_keys.source_table
            and gone.record_key = clean_keys.record_key
    left join rejected_keys
        on
            gone.source_table = rejected_keys.source_table
            and gone.record_key = rejected_keys.record_key

),

changes as (

    select * from rejected_now
    union all
    select * from resolved_now

),

final as (

    select
        '{{ setting('raw_layer') }}' as raw_layer,
        quarantine_id,
        cast(opening_number as bigint) as opening_number,
        source_table,
        record_key,
        {%- for column in what_was_seen %}
        {{ column }},
        {%- endfor %}
        status,
        resolution,
        first_seen_build,
        first_seen_at,
        last_seen_build,
        last_seen_at,
        resolved_in_build,
        resolved_at,
        resolved_by_load,
        {{ days_between(utc_day('first_seen_at'), utc_day('resolved_at')) }} as days_to_resolve
    from changes
    where {{ remembers() }}

)

select * from final
