with

headers as (

    select * from {{ ref('checked_store_sales_header') }}
    where is_valid

),

line_items as (

    select * from {{ ref('checked_store_sales_line_items') }}
    where is_valid

),

line_totals as (

    select
        transaction_id,
        sum(amount_at_stake) as amount
    from line_items
    group by transaction_id

)

select
    headers.transaction_id,
    headers.amount_at_stake as total_amount,
    line_totals.amount as lines_amount
from headers
full outer join line_totals on headers.transaction_id = line_totals.transaction_id
where (abs(headers.amount_at_stake - line_totals.amount) <= {{ var('total_tolerance') }}) is not true
