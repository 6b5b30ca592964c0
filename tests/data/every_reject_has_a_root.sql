with

rejected_records as (

    select * from {{ ref('rejected_records') }}

),

causes as (

    select * from {{ ref('rejected_record_causes') }}

)

select
    rejected_records.rejected_record_id,
    rejected_records.failed_rules
from rejected_records
left join causes on rejected_records.rejected_record_id = causes.rejected_record_id
where causes.rejected_record_id is null
