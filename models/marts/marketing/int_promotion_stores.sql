-- Without statistics the planner joins the days in loops.
{{ config(meta={'analyze': true}) }}
{%- set days_around = measured_windows().baseline %}
with

runs as (

    select * from {{ ref('int_promotion_runs') }}

),

category_days as (

    select * from {{ ref('int_category_days') }}

),

promoted as (

    select distinct
        promotion_id,
        product_category,
        start_date,
        end_date
    from runs

),

ran as (

    select distinct
        promotion_id,
        store_id
    from runs
    where has_sold

),

open_days as (

    select
        min(sold_on) as first_day,
        max(sold_on) as last_day
    from category_days

),

stores as (

    select
        store_id,
        min(sold_on) as first_day,
        max(sold_on) as last_day
    from category_days
    group by store_id

),

sold as (

    select
        promoted.promotion_id,
        promoted.product_category,
        promoted.start_date,
        promoted.end_date,
        category_days.store_id,
        sum(case when category_days.sold_on < promoted.start_date then category_days.units else 0 end)
            as units_before,
        sum(case when category_days.sold_on >= promoted.start_date then category_days.units else 0 end)
            as units_during
    from promoted
    inner join category_days
        on
            promoted.product_category = category_days.product_category
            and category_days.sold_on
            between {{ days_after('promoted.start_date', -days_around) }} and promoted.end_date
    group by
        promoted.promotion_id,
        promoted.product_category,
        promoted.start_date,
        promoted.end_date,
        category_days.store_id

),

final as (

    select
        sold.promotion_id,
        sold.product_category,
        sold.store_id,
        sold.start_date,
        sold.end_date
    from sold
    cross join open_days
    inner join stores on sold.store_id = stores.store_id
    left join ran
        on
            sold.promotion_id = ran.promotion_id
            and sold.store_id = ran.store_id
    where
        -- where nothing of it was sold, nobody knows whether the promotion ran; to leave it out would choose by success
        (ran.promotion_id is not null or (sold.units_before > 0 and sold.units_during = 0))
        -- the same stores on all days: open from the first week to the last
        and stores.first_day
        <= {{ days_after('greatest(' ~ days_after('sold.start_date', -days_around) ~ ', open_days.first_day)', 6) }}
        and stores.last_day
        >= {{ days_after('least(' ~ days_after('sold.end_date', days_around) ~ ', open_days.last_day)', -6) }}

)

select * from final
