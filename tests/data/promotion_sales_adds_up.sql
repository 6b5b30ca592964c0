with

line_items as (

    select * from {{ ref('store_sales_line_items') }}

),

products as (

    select * from {{ ref('products') }}

),

promotion_sales as (

    select * from {{ ref('promotion_sales') }}

),

clean as (

    select
        count(distinct line_items.transaction_id) as transactions,
        coalesce(sum(line_items.quantity), 0) as units,
        coalesce(sum(line_items.line_item_amount), 0) as revenue,
        coalesce(sum(line_items.quantity * products.unit_price - line_items.line_item_amount), 0) as discount_given,
        coalesce(sum(case when line_items.promotion_id is not null then line_items.quantity end), 0) as promoted_units,
        coalesce(sum(case when line_items.promotion_id is not null then line_items.line_item_amount end), 0)
            as promoted_revenue
    from line_items
    left join products on line_items.product_id = products.product_id

),

sales as (

    select
        sum(transactions) as rows_of_transactions,
        coalesce(sum(units), 0) as units,
        coalesce(sum(revenue), 0) as revenue,
        coalesce(sum(discount_given), 0) as discount_given,
        coalesce(sum(case when promotion_id is not null then units end), 0) as promoted_units,
        coalesce(sum(case when promotion_id is not null then revenue end), 0) as promoted_revenue
    from promotion_sales

)

select
    clean.*,
    sales.rows_of_transactions
from clean
cross join sales
where
    clean.units <> sales.units
    or clean.revenue <> sales.revenue
    or clean.discount_given <> sales.discount_given
    or clean.promoted_units <> sales.promoted_units
    or clean.promoted_revenue <> sales.promoted_revenue
    or clean.transactions > coalesce(sales.rows_of_transactions, 0)
