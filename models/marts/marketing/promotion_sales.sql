-- Without statistics the planner joins the days in loops.
{{ config(meta={'analyze': true}) }}

with

line_items as (

    select * from {{ ref('store_sales_line_items') }}

),

headers as (

    select * from {{ ref('store_sales_header') }}

),

products as (

    select * from {{ ref('products') }}

),

-- by transaction first: counting distinct transactions of all lines would sort the lines
of_transactions as (

    select
        line_items.transaction_id,
        line_items.promotion_id,
        products.product_category,
        sum(line_items.quantity) as units,
        sum(case when line_items.quantity < 0 then -line_items.quantity else 0 end) as returned_units,
        sum(line_items.line_item_amount) as revenue,
        sum(case when line_items.quantity < 0 then -line_items.line_item_amount else 0 end) as returned_revenue,
        sum(line_items.quantity * products.unit_price) as full_price_value,
        sum(line_items.quantity * products.unit_price - line_items.line_item_amount) as discount_given
    from line_items
    left join products on line_items.product_id = products.product_id
    group by line_items.transaction_id, line_items.promotion_id, products.product_category

),

final as (

    select
        of_transactions.promotion_id,
        of_transactions.product_category,
        headers.store_id,
        cast(headers.transaction_date as date) as sold_on,
        cast(count(*) as bigint) as transactions,
        cast(coalesce(sum(of_transactions.units), 0) as bigint) as units,
        cast(coalesce(sum(of_transactions.returned_units), 0) as bigint) as returned_units,
        cast(coalesce(sum(of_transactions.revenue), 0) as decimal(20, 2)) as revenue,
        cast(coalesce(sum(of_transactions.returned_revenue), 0) as decimal(20, 2)) as returned_revenue,
        cast(sum(of_transactions.full_price_value) as decimal(20, 2)) as full_price_value,
        cast(sum(of_transactions.discount_given) as decimal(20, 2)) as discount_given
    from of_transactions
    left join headers on of_transactions.transaction_id = headers.transaction_id
    group by
        of_transactions.promotion_id,
        of_transactions.product_category,
        headers.store_id,
        cast(headers.transaction_date as date)

)

select * from final
