with

product_days as (

    select * from {{ ref('int_product_days') }}

),

open_days as (

    select * from {{ ref('int_open_days') }}

),

stock_days as (

    select * from {{ ref('int_stock_days') }}

),

product_spans as (

    select
        store_id,
        product_id,
        min(sold_on) as first_day,
        max(sold_on) as last_day,
        cast(count(*) as integer) as selling_days
    from product_days
    group by store_id, product_id

),

-- the first open day is number 1, so that a closed day is no gap
sold as (

    select
        product_spans.store_id,
        product_spans.product_id,
        product_spans.selling_days,
        first_days.day_number as first_number,
        last_days.day_number as last_number,
        last_days.day_number - first_days.day_number + 1 as open_days
    from product_spans
    inner join open_days as first_days
        on product_spans.store_id = first_days.store_id and product_spans.first_day = first_days.open_on
    inner join open_days as last_days
        on product_spans.store_id = last_days.store_id and product_spans.last_day = last_days.open_on

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
        coalesce(sold.open_days - sold.selling_days, 0) as days_without_sale,
        counted.days_known,
        counted.days_out,
        counted.days_sold_out
    from sold
    full outer join counted on sold.store_id = counted.store_id and sold.product_id = counted.product_id

)

select * from final
