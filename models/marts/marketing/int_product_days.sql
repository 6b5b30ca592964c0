with

line_items as (

    select * from {{ ref('store_sales_line_items') }}

),

headers as (

    select * from {{ ref('store_sales_header') }}

),

-- what was sold; what came back was sold on other days
final as (

    select
        headers.store_id,
        line_items.product_id,
        cast(headers.transaction_date as date) as sold_on,
        cast(sum(line_items.quantity) as bigint) as units
    from line_items
    inner join headers on line_items.transaction_id = headers.transaction_id
    where
        line_items.quantity > 0
        and headers.store_id is not null
        and {{ is_seen('headers.transaction_date') }}
    group by 1, 2, 3

)

select * from final
