with

transactions as (

    select * from {{ ref('store_sales_header') }}

),

earned as (

    select * from {{ ref('loyalty_ledger') }}
    where entry_type = 'EARN'

)

select
    transactions.transaction_id,
    earned.transaction_id as earned_transaction_id
from transactions
full outer join earned
    on
        transactions.transaction_id = earned.transaction_id
        and transactions.customer_id = earned.customer_id
where transactions.transaction_id is null or earned.transaction_id is null
