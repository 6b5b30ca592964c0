with

rules as (

    select * from {{ ref('dq_rules') }}

),

rejected_records as (

    select * from {{ ref('rejected_records') }}

),

-- rows with the same verdict are counted together: a table has few different verdicts
verdicts as (

    select
        source_table,
        'error' as severity,
        failed_rules as labels,
        count(*) as rows_found,
        sum(amount_at_stake) as amount_at_stake
    from rejected_records
    group by source_table, failed_rules
    {%- for table in checked_tables() %}
    union all
    -- a warning is counted where the row stays clean; a rejected row is a matter of its errors
    select
        '{{ table }}' as source_table,
        'warn' as severity,
        warned_rules as labels,
        count(*) as rows_found,
        sum(amount_at_stake) as amount_at_stake
    from {{ ref('checked_' ~ table) }}
    where is_valid and warned_rules <> ''
    group by warned_rules
    {%- endfor %}

),

tables as (
    {% for table in checked_tables() %}
    select
        '{{ table }}' as source_table,
        {{ rows_judged(table) }} as rows_in
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

failures as (

    select
        rules.source_table,
        rules.rule_id,
        sum(verdicts.rows_found) as rows_failed,
        sum(verdicts.amount_at_stake) as amount_at_stake
    from rules
    inner join verdicts
        on
            rules.source_table = verdicts.source_table
            and rules.severity = verdicts.severity
            and {{ has_label('verdicts.labels', 'rules.rule_id') }}
    group by rules.source_table, rules.rule_id

),

final as (

    select
        rules.source_table,
        rules.rule_id,
        rules.severity,
        rules.message,
        cast(coalesce(tables.rows_in, 0) as bigint) as rows_in,
        cast(coalesce(failures.rows_failed, 0) as bigint) as rows_failed,
        {{ share_of('coalesce(failures.rows_failed, 0)', 'tables.rows_in') }} as share_failed,
        failures.amount_at_stake
    from rules
    left join tables on rules.source_table = tables.source_table
    left join failures
        on
            rules.source_table = failures.source_table
            and rules.rule_id = failures.rule_id

)

select * from final
