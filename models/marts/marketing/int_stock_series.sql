with

product_days as (

    select * from {{ ref('int_product_days') }}

),

stock_days as (

    select * from {{ ref('int_stock_days') }}

),

sold as (

    select
        store_id,
        product_id,
        min(day_number) as first_number,
        max(day_number) as last_number,
        cast(count(*) as integer) as selling_days,
        max(day_number) - min(day_number) + 1 as open_days,
        cast(max(day_number) - min(day_number) + 1 - count(*) as integer) as days_without_sale,
        cast(sum(case when days_missed > 0 then 1 else 0 end) as integer) as runs
    from product_days
    group by store_id, product_id

),

counted as (

    select
        store_id,
        product_id,
        cast(count(*) as integer) as days_known,
        cast(sum(case when is_out then 1 else 0 end) as integer) as days_out,
        cast(sum(case when is_sold_out then 1 else 0 end) as integer) as days_sold_out
    from stock_days
    group by store_id, product_id

),

final as (

    select
        coalesce(sold.store_id, counted.store_id) as store_id,
        coalesce(sold.product_id, counted.product_id) as product_id,
        sold.first_number,
        sold.last_number,
        coalesce(sold.selling_days, 0) as selling_days,
        coalesce(sold.open_days, 0) as open_days,
        coalesce(sold.days_without_sale, 0) as days_without_sale,
        coalesce(sold.runs, 0) as runs,
        counted.days_known,
        counted.days_out,
        counted.days_sold_out
    from sold
    full outer join counted on sold.store_id = counted.store_id and sold.product_id = counted.product_id

)

select * from final
