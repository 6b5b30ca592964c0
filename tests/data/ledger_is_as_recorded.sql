with

ledger as (

    select * from {{ ref('loyalty_ledger') }}

),

recorded as (

    select * from {{ ref('ledger_history') }}
    where raw_layer = '{{ setting('raw_layer') }}'

),

as_of as (

    select * from {{ ref('as_of') }}

),

changed as (

    select
        ledger_entry_id,
        max(version_number) as version_number
    from recorded
    where version_number > 1
    group by ledger_entry_id

),

published as (

    select recorded.*
    from recorded
    cross join as_of
    left join changed on recorded.ledger_entry_id = changed.ledger_entry_id
    where
        recorded.version_number = coalesce(changed.version_number, 1)
        and recorded.change <> 'removed'
        and {{ entry_is_seen('recorded.entry_type', 'recorded.entry_at') }}

)

select
    ledger.ledger_entry_id,
    ledger.points,
    published.ledger_entry_id as recorded_entry_id,
    published.points as recorded_points
from ledger
full outer join published on ledger.ledger_entry_id = published.ledger_entry_id
where ledger.points is distinct from published.points
