-- Without statistics the planner joins the days in loops.
{{ config(meta={'analyze': true}) }}

with

product_days as (

    select * from {{ ref('int_product_days') }}

),

open_days as (

    select * from {{ ref('int_open_days') }}

),

-- what was counted need not be suspected
series as (

    select * from {{ ref('int_stock_series') }}
    where days_known is null and selling_days >= {{ suspicion().selling_days }}

),

days as (

    select
        product_days.store_id,
        product_days.product_id,
        open_days.day_number,
        open_days.day_number - 1 - lag(open_days.day_number) over (
            partition by product_days.store_id, product_days.product_id
            order by open_days.day_number
        ) as days_missed
    from product_days
    inner join series
        on
            product_days.store_id = series.store_id
            and product_days.product_id = series.product_id
    inner join open_days
        on
            product_days.store_id = open_days.store_id
            and product_days.sold_on = open_days.open_on

),

final as (

    select
        store_id,
        product_id,
        day_number - days_missed as run_from,
        day_number - 1 as run_through,
        days_missed as days_out,
        cast(count(*) over (partition by store_id, product_id) as integer) as runs
    from days
    where days_missed > 0

)

select * from final
