with

rejected_records as (

    select * from {{ ref('rejected_records') }}

),

open_records as (

    select * from {{ ref('quarantine_history') }}
    where
        raw_layer = '{{ setting('raw_layer') }}'
        and status = 'open'

)

select
    rejected_records.quarantine_id,
    open_records.quarantine_id as open_quarantine_id
from rejected_records
full outer join open_records on rejected_records.quarantine_id = open_records.quarantine_id
where rejected_records.quarantine_id is null or open_records.quarantine_id is null
