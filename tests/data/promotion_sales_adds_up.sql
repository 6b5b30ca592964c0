with

line_items as (

    select
        count(distinct line_items.transaction_id) as transactions,
        coalesce(sum(line_items.quantity), 0) as units,
        coalesce(sum(line_items.line_item_amount), 0) as revenue,
        coalesce(sum(case when line_items.promotion_id is not null then line_items.quantity end), 0) as promoted_units,
        coalesce(sum(case when line_items.promotion_id is not null then line_items.line_item_amount end), 0)
            as promoted_revenue
    from (select * from {{ ref('store_sales_line_items') }}) as line_items

),

sales as (

    select
        sum(transactions) as rows_of_transactions,
        coalesce(sum(units), 0) as units,
        coalesce(sum(revenue), 0) as revenue,
        coalesce(sum(case when promotion_id is not null then units end), 0) as promoted_units,
        coalesce(sum(case when promotion_id is not null then revenue end), 0) as promoted_revenue
    from {{ ref('promotion_sales') }}

)

select
    line_items.*,
    sales.rows_of_transactions
from line_items
cross join sales
where
    line_items.units <> sales.units
    or line_items.revenue <> sales.revenue
    or line_items.promoted_units <> sales.promoted_units
    or line_items.promoted_revenue <> sales.promoted_revenue
    or line_items.transactions > coalesce(sales.rows_of_transactions, 0)
