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
        case when count(*) = count(amount_at_stake) then sum(amount_at_stake) end as amount
    from line_items
    group by transaction_id

)

select
    headers.transaction_id,
    headers.amount_at_stake as total_amount,
    line_totals.amount as lines_amount
from headers
full outer join line_totals on headers.transaction_id = line_totals.transaction_id
where
    headers.transaction_id is null
    {%- if rejects(store_sales_header_rules(), 'no_line_items') %}
    or line_totals.transaction_id is null
    {%- endif %}
    {%- if rejects(store_sales_header_rules(), 'total_amount_mismatch') %}
    -- a line with an unreadable amount is clean only where its rules were relaxed
    or abs(headers.amount_at_stake - line_totals.amount) > {{ setting('total_tolerance') }}
    {%- endif %}
