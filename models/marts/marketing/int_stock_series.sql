with

product_days as (

    select * from {{ ref('int_product_days') }}

),

final as (

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

)

select * from final
