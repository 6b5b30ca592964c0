with

transactions as (

    select * from {{ ref('store_sales_header') }}
    where
        customer_id is not null
        and {{ is_seen('transaction_date') }}

),

entries as (

    select * from {{ ref('loyalty_ledger') }}
    where entry_type in ('EARN', 'CLAWBACK')

)

select
    transactions.transaction_id,
    entries.transaction_id as entry_transaction_id
from transactions
full outer join entries
    on
        transactions.transaction_id = entries.transaction_id
        and transactions.customer_id = entries.customer_id
where transactions.transaction_id is null or entries.transaction_id is null
