with

dq_summary as (

    select * from {{ ref('dq_summary') }}

),

builds as (

    select * from {{ ref('dq_builds') }}
    where raw_layer = '{{ setting('raw_layer') }}'

),

latest_build as (

    select * from builds
    order by build_number desc
    limit 1

),

remembered as (
    {% if is_incremental() %}
    select
        build_number,
        source_table,
        rule_id,
        rows_failed
    from {{ this }}
    {% else %}
    -- nothing yet: columns only
    select
        cast(null as bigint) as build_number,
        source_table,
        rule_id,
        rows_failed
    from dq_summary
    where false
    {% endif %}
),

remembered_builds as (

    select distinct build_number
    from remembered

),

build_before as (

    select max(builds.build_number) as build_number
    from builds
    inner join latest_build on builds.build_number < latest_build.build_number

),

figures_before as (

    select remembered.*
    from remembered
    inner join build_before on remembered.build_number = build_before.build_number

),

final as (

    select
        latest_build.build_number,
        latest_build.raw_layer,
        latest_build.built_at,
        latest_build.loaded_at,
        dq_summary.source_table,
        dq_summary.rule_id,
        dq_summary.severity,
        dq_summary.rows_in,
        dq_summary.rows_failed,
        figures_before.rows_failed as rows_failed_before,
        dq_summary.share_failed,
        dq_summary.amount_at_stake
    from dq_summary
    cross join latest_build
    left join remembered_builds on latest_build.build_number = remembered_builds.build_number
    left join figures_before
        on
            dq_summary.source_table = figures_before.source_table
            and dq_summary.rule_id = figures_before.rule_id
    where remembered_builds.build_number is null and {{ remembers() }}

)

select * from final
