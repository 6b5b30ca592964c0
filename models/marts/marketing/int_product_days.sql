with

line_items as (

    select * from {{ ref('store_sales_line_items') }}

),

headers as (

    select * from {{ ref('store_sales_header') }}

),

-- what was sold; what came back was sold on other days
sold as (

    select
        headers.store_id,
        line_items.product_id,
        cast(headers.transaction_date as date) as sold_on,
        cast(sum(line_items.quantity) as bigint) as units,
        cast(sum(line_items.line_item_amount) as decimal(20, 2)) as revenue
    from line_items
    inner join headers on line_items.transaction_id = headers.transaction_id
    where
        line_items.quantity > 0
        and headers.store_id is not null
        and {{ is_seen('headers.transaction_date') }}
    group by 1, 2, 3

),

open_days as (

    select * from {{ ref('int_open_days') }}

),

final as (

    select
        sold.store_id,
        sold.product_id,
        sold.sold_on,
        open_days.day_number,
        sold.units,
        sold.revenue,
        open_days.day_number - 1 - lag(open_days.day_number) over (
            partition by sold.store_id, sold.product_id
            order by open_days.day_number
        ) as days_missed
    from sold
    inner join open_days on sold.store_id = open_days.store_id and sold.sold_on = open_days.open_on

)

select * from final
