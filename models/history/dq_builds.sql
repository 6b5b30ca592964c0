-- A build that sees what the last one saw adds nothing, so a second run changes nothing here either.
with

dq_summary as (

    select * from {{ ref('dq_summary') }}

),

rejected_records as (

    select * from {{ ref('rejected_records') }}

),

files as (

    {{ input_files() }}

),

tables as (

    select
        source_table,
        max(rows_in) as rows_in
    from dq_summary
    group by source_table

),

seen as (

    select
        (select max(loaded_at) from files) as loaded_at,
        (select cast(sum(rows_in) as bigint) from tables) as rows_in,
        (select count(*) from rejected_records) as rows_rejected,
        (select {{ fingerprint('dq_summary') }} from dq_summary) as summary_fingerprint,
        -- loaded rejects change only with the files, the counts or by hand, so they need not be read each day
        {% if lands() -%}
        (select cast(max(file_id) + {{ manual_changes_count() }} as {{ sql_type('numeric') }}) from files)
        {%- else -%}
        (select {{ fingerprint('rejected_records') }} from rejected_records)
        {%- endif %} as rejects_fingerprint

),

earlier as (
    {% if is_incremental() %}
    select
        build_number,
        raw_layer,
        loaded_at,
        summary_fingerprint,
        rejects_fingerprint
    from {{ this }}
    {% else %}
    -- nothing yet: columns only
    select
        cast(null as bigint) as build_number,
        cast(null as {{ sql_type('text') }}) as raw_layer,
        loaded_at,
        summary_fingerprint,
        rejects_fingerprint
    from seen
    where false
    {% endif %}
),

latest as (

    select * from earlier
    where raw_layer = '{{ setting('raw_layer') }}'
    order by build_number desc
    limit 1

),

final as (

    select
        (select coalesce(max(earlier.build_number), 0) + 1 from earlier) as build_number,
        '{{ setting('raw_layer') }}' as raw_layer,
        cast('{{ run_started_at }}' as {{ sql_type('timestamp with time zone') }}) as built_at,
        seen.loaded_at,
        seen.rows_in,
        seen.rows_rejected,
        seen.summary_fingerprint,
        seen.rejects_fingerprint
    from seen
    left join latest
        on
            seen.loaded_at is not distinct from latest.loaded_at
            and seen.summary_fingerprint is not distinct from latest.summary_fingerprint
            and seen.rejects_fingerprint is not distinct from latest.rejects_fingerprint
    where latest.build_number is null and {{ remembers() }}

)

select * from final
