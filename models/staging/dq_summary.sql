with

rules as (

    select * from {{ ref('dq_rules') }}

),

-- rows with the same verdict are counted together: a table has few different verdicts
verdicts as (
    {% for table in checked_tables() %}
    select
        '{{ table }}' as source_table,
        is_valid,
        failed_rules,
        warned_rules,
        count(*) as rows_in,
        sum(amount_at_stake) as amount_at_stake
    from {{ ref('checked_' ~ table) }}
    group by is_valid, failed_rules, warned_rules
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

tables as (

    select
        source_table,
        sum(rows_in) as rows_in
    from verdicts
    group by source_table

),

-- a warning is counted where the row stays clean; a rejected row is a matter of its errors
failures as (

    select
        rules.source_table,
        rules.rule_id,
        sum(verdicts.rows_in) as rows_failed,
        sum(verdicts.amount_at_stake) as amount_at_stake
    from rules
    inner join verdicts
        on
            rules.source_table = verdicts.source_table
            and case rules.severity
                when 'error' then {{ has_label('verdicts.failed_rules', 'rules.rule_id') }}
                when 'warn' then verdicts.is_valid and {{ has_label('verdicts.warned_rules', 'rules.rule_id') }}
            end
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
        round(coalesce(failures.rows_failed, 0) / nullif(tables.rows_in, 0), 6) as share_failed,
        failures.amount_at_stake
    from rules
    left join tables on rules.source_table = tables.source_table
    left join failures
        on
            rules.source_table = failures.source_table
            and rules.rule_id = failures.rule_id

)

select * from final
