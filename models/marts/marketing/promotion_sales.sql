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

-- the first line of a transaction counts it: counting distinct transactions of all lines would sort the lines
of_lines as (

    select
        line_items.promotion_id,
        line_items.quantity,
        line_items.line_item_amount,
        products.product_category,
        products.unit_price,
        headers.store_id,
        cast(headers.transaction_date as date) as sold_on,
        row_number() over (
            partition by line_items.transaction_id, line_items.promotion_id, products.product_category
            order by line_items.transaction_id
        ) as place
    from line_items
    left join headers on line_items.transaction_id = headers.transaction_id
    left join products on line_items.product_id = products.product_id

),

sums as (

    select
        promotion_id,
        product_category,
        store_id,
        sold_on,
        count(*) filter (where place = 1) as transactions,
        sum(quantity) as units,
        sum(-quantity) filter (where quantity < 0) as returned_units,
        sum(line_item_amount) filter (where unit_price is not null) as priced_revenue,
        sum(line_item_amount) filter (where unit_price is null) as unpriced_revenue,
        sum(-line_item_amount) filter (where quantity < 0) as returned_revenue,
        sum(quantity * unit_price) as full_price_value
    from of_lines
    group by promotion_id, product_category, store_id, sold_on

),

final as (

    select
        promotion_id,
        product_category,
        store_id,
        sold_on,
        cast(transactions as bigint) as transactions,
        cast(coalesce(units, 0) as bigint) as units,
        cast(coalesce(returned_units, 0) as bigint) as returned_units,
        cast(coalesce(priced_revenue, 0) + coalesce(unpriced_revenue, 0) as decimal(20, 2)) as revenue,
        cast(coalesce(returned_revenue, 0) as decimal(20, 2)) as returned_revenue,
        cast(full_price_value as decimal(20, 2)) as full_price_value,
        cast(full_price_value - priced_revenue as decimal(20, 2)) as discount_given
    from sums

)

select * from final
