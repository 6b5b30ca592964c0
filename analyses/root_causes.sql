-- What to repair first: the ten records at the root of the rejects with the most money. A line whose transaction is
-- rejected is in its header's total already, so its amount is not counted again. One reject may hang on several roots:
-- it is whole again when all of them are repaired.
select
    causes.root_table,
    causes.root_key,
    case when causes.root_is_absent then 'absent: add it, or correct what names it' else causes.root_rules end as root_rules,
    count(*) as rows_rejected,
    sum(
        case when {{ has_label('rejects.failed_rules', "'transaction_rejected'") }} then 0 else rejects.amount_at_stake end
    ) as amount_at_stake
from {{ ref('rejected_record_causes') }} as causes
inner join {{ ref('rejected_records') }} as rejects on causes.rejected_record_id = rejects.rejected_record_id
group by causes.root_table, causes.root_key, causes.root_is_absent, causes.root_rules
order by amount_at_stake desc nulls last, rows_rejected desc, causes.root_table, causes.root_key
limit 10
