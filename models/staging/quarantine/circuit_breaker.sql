-- Stands between the checks and everything that is published: its post-hook ends the build where too much was rejected.
{%- set scopes = checked_tables() + ['overall'] %}

with

dq_summary as (

    select * from {{ ref('dq_summary') }}

),

rejected_records as (

    select * from {{ ref('rejected_records') }}

),

rows_in as (

    select
        source_table,
        max(rows_in) as rows_in
    from dq_summary
    group by source_table

),

rows_rejected as (

    select
        source_table,
        count(*) as rows_rejected
    from rejected_records
    group by source_table

),

by_table as (

    select
        rows_in.source_table as scope,
        rows_in.rows_in,
        coalesce(rows_rejected.rows_rejected, 0) as rows_rejected
    from rows_in
    left join rows_rejected on rows_in.source_table = rows_rejected.source_table

),

scopes as (

    select * from by_table
    union all
    select
        'overall' as scope,
        sum(rows_in) as rows_in,
        sum(rows_rejected) as rows_rejected
    from by_table

),

limits as (
    {% for scope in scopes %}
    select
        '{{ scope }}' as scope,
        cast({{ share_limit('warn_rejected_share', scope) }} as {{ sql_type('numeric') }}) as warn_rejected_share,
        cast({{ share_limit('max_rejected_share', scope) }} as {{ sql_type('numeric') }}) as max_rejected_share
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

reasons as (

    select
        source_table as scope,
        rule_id as reason,
        rows_failed
    from dq_summary
    where severity = 'error' and rows_failed > 0
    union all
    select
        'overall' as scope,
        source_table || '.' || rule_id as reason,
        rows_failed
    from dq_summary
    where severity = 'error' and rows_failed > 0

),

ranked_reasons as (

    select
        *,
        row_number() over (
            partition by scope
            order by rows_failed desc, reason
        ) as place
    from reasons

),

top_reasons as (

    select
        scope,
        {{ join_in_order("reason || ' (' || rows_failed || ')'", ', ', 'place') }} as top_rules
    from ranked_reasons
    where place <= 3
    group by scope

),

judged as (

    select
        scopes.scope,
        cast(scopes.rows_in as bigint) as rows_in,
        cast(scopes.rows_rejected as bigint) as rows_rejected,
        {{ share_of('scopes.rows_rejected', 'scopes.rows_in') }} as rejected_share,
        limits.warn_rejected_share,
        limits.max_rejected_share,
        scopes.scope = 'overall' or scopes.rows_in >= {{ setting('rejected_share_min_rows') }} as is_judged_by_share,
        top_reasons.top_rules
    from scopes
    inner join limits on scopes.scope = limits.scope
    left join top_reasons on scopes.scope = top_reasons.scope

),

-- a few rows make no share; but where not one of them is left, the table is gone
final as (

    select
        scope,
        rows_in,
        rows_rejected,
        rejected_share,
        warn_rejected_share,
        max_rejected_share,
        is_judged_by_share,
        case
            when rows_in = 0 then 'ok'
            when is_judged_by_share and rejected_share > max_rejected_share then 'tripped'
            when rows_rejected = rows_in and max_rejected_share < 1 then 'tripped'
            when is_judged_by_share and rejected_share > warn_rejected_share then 'warned'
            else 'ok'
        end as verdict,
        top_rules
    from judged

)

select * from final
