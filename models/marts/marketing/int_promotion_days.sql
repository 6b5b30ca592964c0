{%- set windows = measured_windows() %}
with

stores as (

    select * from {{ ref('int_promotion_stores') }}

),

runs as (

    select * from {{ ref('int_promotion_runs') }}
    where has_sold

),

category_days as (

    select * from {{ ref('int_category_days') }}

),

-- a store that sold nothing at all on a day was closed; if all were, there is no such day
open_days as (

    select distinct
        store_id,
        sold_on
    from category_days

),

days as (

    select distinct
        stores.promotion_id,
        stores.product_category,
        stores.start_date,
        stores.end_date,
        open_days.sold_on
    from stores
    inner join open_days
        on
            stores.store_id = open_days.store_id
            and open_days.sold_on
            between {{ days_after('stores.start_date', -(windows.baseline + windows.placebo)) }}
            and {{ days_after('stores.end_date', windows.baseline) }}

),

sold as (

    select
        stores.promotion_id,
        stores.product_category,
        category_days.sold_on,
        cast(sum(category_days.units) as bigint) as units,
        cast(sum(category_days.promoted_units) as bigint) as promoted_units,
        sum(category_days.revenue) as revenue
    from stores
    inner join category_days
        on
            stores.store_id = category_days.store_id
            and stores.product_category = category_days.product_category
            and category_days.sold_on
            between {{ days_after('stores.start_date', -(windows.baseline + windows.placebo)) }}
            and {{ days_after('stores.end_date', windows.baseline) }}
    group by stores.promotion_id, stores.product_category, category_days.sold_on

),

other_promotions as (

    select distinct
        stores.promotion_id,
        stores.product_category,
        runs.start_date,
        runs.end_date
    from stores
    inner join runs
        on
            stores.store_id = runs.store_id
            and stores.product_category = coalesce(runs.only_category, stores.product_category)
            and stores.promotion_id <> runs.promotion_id

),

with_another_promotion as (

    select distinct
        days.promotion_id,
        days.product_category,
        days.sold_on
    from days
    inner join other_promotions
        on
            days.promotion_id = other_promotions.promotion_id
            and days.product_category = other_promotions.product_category
            and days.sold_on between other_promotions.start_date and other_promotions.end_date

),

final as (

    select
        days.promotion_id,
        days.product_category,
        days.sold_on,
        {{ weekday_of('days.sold_on') }} as weekday,
        case
            when days.sold_on < days.start_date then 'before'
            when days.sold_on > days.end_date then 'after'
            else 'promotion'
        end as phase,
        case
            when days.sold_on < days.start_date then {{ days_between('days.sold_on', 'days.start_date') }}
            when days.sold_on > days.end_date then {{ days_between('days.end_date', 'days.sold_on') }}
            else 0
        end as days_away,
        coalesce(sold.units, 0) as units,
        coalesce(sold.revenue, 0) as revenue,
        -- beyond its dates, a tenth of the units may name a promotion by mistake
        with_another_promotion.promotion_id is null
        and (
            days.sold_on between days.start_date and days.end_date
            or coalesce(10 * sold.promoted_units <= sold.units, true)
        ) as is_usable
    from days
    left join sold
        on
            days.promotion_id = sold.promotion_id
            and days.product_category = sold.product_category
            and days.sold_on = sold.sold_on
    left join with_another_promotion
        on
            days.promotion_id = with_another_promotion.promotion_id
            and days.product_category = with_another_promotion.product_category
            and days.sold_on = with_another_promotion.sold_on

)

select * from final
