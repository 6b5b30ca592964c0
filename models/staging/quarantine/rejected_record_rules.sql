with

rejected_records as (

    select * from {{ ref('rejected_records') }}

),

rules as (

    select * from {{ ref('dq_rules') }}
    where severity = 'error'

),

final as (

    select
        rejected_records.rejected_record_id,
        rejected_records.source_table,
        rejected_records.source_row_number,
        rejected_records.record_key,
        rules.rule_id,
        rules.column_names,
        rules.message
    from rejected_records
    inner join rules
        on
            rejected_records.source_table = rules.source_table
            and {{ has_label('rejected_records.failed_rules', 'rules.rule_id') }}

)

select * from final
