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
        line_items.*,
        products.product_category,
        products.unit_price,
        row_number() over (
            partition by line_items.transaction_id, line_items.promotion_id, products.product_category
            order by line_items.transaction_id
        ) as place
    from line_items
    left join products on line_items.product_id = products.product_id

),

final as (

    select
        of_lines.promotion_id,
        of_lines.product_category,
        headers.store_id,
        cast(headers.transaction_date as date) as sold_on,
        cast(count(*) filter (where of_lines.place = 1) as bigint) as transactions,
        cast(coalesce(sum(of_lines.quantity), 0) as bigint) as units,
        cast(coalesce(sum(-of_lines.quantity) filter (where of_lines.quantity < 0), 0) as bigint) as returned_units,
        cast(coalesce(sum(of_lines.line_item_amount), 0) as decimal(20, 2)) as revenue,
        cast(coalesce(sum(-of_lines.line_item_amount) filter (where of_lines.quantity < 0), 0) as decimal(20, 2))
            as returned_revenue,
        cast(sum(of_lines.quantity * of_lines.unit_price) as decimal(20, 2)) as full_price_value,
        cast(
            sum(of_lines.quantity * of_lines.unit_price)
            - sum(of_lines.line_item_amount) filter (where of_lines.unit_price is not null)
            as decimal(20, 2)
        ) as discount_given
    from of_lines
    left join headers on of_lines.transaction_id = headers.transaction_id
    group by
        of_lines.promotion_id,
        of_lines.product_category,
        headers.store_id,
        cast(headers.transaction_date as date)

)

select * from final
