with

levels as (

    select * from {{ ref('inventory_levels') }}

),

open_days as (

    select * from {{ ref('int_open_days') }}

),

product_days as (

    select * from {{ ref('int_product_days') }}

),

first_sales as (

    select
        store_id,
        product_id,
        min(sold_on) as sold_on
    from product_days
    group by store_id, product_id

),

counted as (

    select
        levels.store_id,
        levels.product_id,
        levels.stock_date as counted_on,
        open_days.day_number,
        coalesce(product_days.units, 0) as units,
        levels.stock_level <= 0 and product_days.units is null as is_out,
        levels.stock_level <= 0 and product_days.units is not null as is_sold_out,
        -- what is sold or on the shelf has been delivered
        least(
            first_sales.sold_on,
            min(case when levels.stock_level > 0 then levels.stock_date end) over (
                partition by levels.store_id, levels.product_id
            )
        ) as delivered_by
    from levels
    inner join open_days on levels.store_id = open_days.store_id and levels.stock_date = open_days.open_on
    left join product_days
        on
            levels.store_id = product_days.store_id
            and levels.product_id = product_days.product_id
            and levels.stock_date = product_days.sold_on
    left join first_sales on levels.store_id = first_sales.store_id and levels.product_id = first_sales.product_id

),

-- counted days in a row on which the product was out have the same difference of the two numbers
final as (

    select
        store_id,
        product_id,
        counted_on,
        day_number,
        units,
        is_out,
        is_sold_out,
        case
            when is_out
                then
                    row_number() over (partition by store_id, product_id order by day_number)
                    - row_number() over (partition by store_id, product_id, is_out order by day_number)
        end as run_number
    from counted
    where counted_on >= delivered_by

)

select * from final
