with

rejected_records as (

    select * from {{ ref('rejected_records') }}

),

rejected_record_rules as (

    select * from {{ ref('rejected_record_rules') }}

),

known as (

    select
        rejected_record_id,
        count(*) as known_rules
    from rejected_record_rules
    group by rejected_record_id

)

select
    rejected_records.rejected_record_id,
    rejected_records.failed_rules,
    known.known_rules
from rejected_records
left join known on rejected_records.rejected_record_id = known.rejected_record_id
where
    known.known_rules is distinct from
    1 + length(rejected_records.failed_rules) - length(replace(rejected_records.failed_rules, ';', ''))
