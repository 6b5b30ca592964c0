with

entries as (

    select
        *,
        lag(running_balance, 1, cast(0 as bigint)) over (
            partition by customer_id
            order by entry_number
        ) as balance_before,
        lead(entry_number) over (
            partition by customer_id
            order by entry_number
        ) as next_entry_number
    from {{ ref('loyalty_ledger') }}

),

customers as (

    select * from {{ ref('customer_details') }}

)

select
    customers.customer_id,
    customers.total_loyalty_points,
    entries.entry_number,
    entries.points,
    entries.balance_before,
    entries.running_balance
from customers
left join entries on customers.customer_id = entries.customer_id
where
    entries.customer_id is null
    or entries.running_balance <> entries.balance_before + entries.points
    or (entries.next_entry_number is null and entries.running_balance <> customers.total_loyalty_points)
