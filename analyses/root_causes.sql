-- What to repair first: the ten records at the root of the rejects with the most money. A line whose transaction is
-- rejected is in its header's total already, so its amount is not counted again. One reject may hang on several roots:
-- it is whole again when all of them are repaired.
with

held_back as (

    select
        causes.root_table,
        causes.root_key,
        causes.root_rules,
        causes.root_is_absent,
        case
            when not {{ has_label('rejects.failed_rules', "'transaction_rejected'") }} then rejects.amount_at_stake
        end as amount_at_stake
    from {{ ref('rejected_record_causes') }} as causes
    inner join {{ ref('rejected_records') }} as rejects on causes.rejected_record_id = rejects.rejected_record_id

),

roots as (

    select
        root_table,
        root_key,
        case when root_is_absent then 'in no file' else root_rules end as what_is_wrong,
        count(*) as rows_rejected,
        sum(amount_at_stake) as amount_at_stake
    from held_back
    group by root_table, root_key, root_is_absent, root_rules

),

ranked as (

    select
        row_number() over (
            order by amount_at_stake desc nulls last, rows_rejected desc, root_table asc, root_key asc
        ) as place,
        *
    from roots

)

select * from ranked
where place <= 10
order by place
