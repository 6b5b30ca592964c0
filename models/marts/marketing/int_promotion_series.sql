{%- set windows = measured_windows() %}
with

days as (

    select * from {{ ref('int_promotion_days') }}
    where is_usable

),

stores as (

    select * from {{ ref('int_promotion_stores') }}

),

controls as (

    select * from {{ ref('int_promotion_controls') }}

),

category_days as (

    select * from {{ ref('int_category_days') }}

),

sold as (

    select
        controls.promotion_id,
        controls.product_category,
        controls.control_category,
        category_days.sold_on,
        sum(category_days.units) as units
    from controls
    inner join stores
        on
            controls.promotion_id = stores.promotion_id
            and controls.product_category = stores.product_category
    inner join category_days
        on
            stores.store_id = category_days.store_id
            and controls.control_category = category_days.product_category
            and category_days.sold_on
            between {{ days_after('stores.start_date', -(windows.baseline + windows.placebo)) }} and stores.end_date
    group by
        controls.promotion_id,
        controls.product_category,
        controls.control_category,
        category_days.sold_on

),

control_days as (

    select
        days.promotion_id,
        days.product_category,
        days.sold_on,
        days.weekday,
        days.phase,
        days.days_away,
        days.units as own_units,
        controls.control_category,
        coalesce(sold.units, 0) as units,
        sum(coalesce(sold.units, 0)) over of_day as units_of_all,
        count(*) over of_day as controls
    from days
    inner join controls
        on
            days.promotion_id = controls.promotion_id
            and days.product_category = controls.product_category
    left join sold
        on
            days.promotion_id = sold.promotion_id
            and days.product_category = sold.product_category
            and controls.control_category = sold.control_category
            and days.sold_on = sold.sold_on
    where days.phase <> 'after'
    window of_day as (partition by days.promotion_id, days.product_category, days.sold_on)

),

days_of_all_controls as (

    select distinct
        promotion_id,
        product_category,
        sold_on,
        weekday,
        phase,
        days_away,
        own_units,
        cast(units_of_all as bigint) as units,
        controls,
        {{ settled(log_ratio('own_units', 'units_of_all')) }} as difference
    from control_days

),

observed as (

    select
        promotion_id,
        product_category,
        'observed' as comparison,
        sold_on,
        weekday,
        phase = 'promotion' as is_measured,
        units,
        {{ settled('units') }} as value
    from days
    where days_away <= {{ windows.baseline }}

),

after_it as (

    select
        promotion_id,
        product_category,
        'after' as comparison,
        sold_on,
        weekday,
        phase = 'after' as is_measured,
        units,
        {{ settled('units') }} as value
    from days
    where
        (phase = 'before' and days_away <= {{ windows.baseline }})
        or (phase = 'after' and days_away <= {{ windows.after }})

),

other_categories as (

    select
        promotion_id,
        product_category,
        'other categories' as comparison,
        sold_on,
        weekday,
        phase = 'promotion' as is_measured,
        units,
        {{ settled('units') }} as value
    from days_of_all_controls
    where days_away <= {{ windows.baseline }}

),

against_controls as (

    select
        promotion_id,
        product_category,
        'difference' as comparison,
        sold_on,
        weekday,
        phase = 'promotion' as is_measured,
        own_units as units,
        difference as value
    from days_of_all_controls
    where
        controls >= 2
        and days_away <= {{ windows.baseline }}

),

-- the same without a promotion: the days before it as if they were its own
placebo as (

    select
        promotion_id,
        product_category,
        'placebo' as comparison,
        sold_on,
        weekday,
        days_away <= {{ windows.placebo }} as is_measured,
        own_units as units,
        difference as value
    from days_of_all_controls
    where
        controls >= 2
        and phase = 'before'

),

-- each control against the others: one that changes alone may have lost what the promoted category won
one_control as (

    select
        promotion_id,
        product_category,
        'control ' || control_category as comparison,
        sold_on,
        weekday,
        phase = 'promotion' as is_measured,
        cast(units as bigint) as units,
        {{ settled(log_ratio('units', 'units_of_all - units')) }} as value
    from control_days
    where
        controls >= 2
        and days_away <= {{ windows.baseline }}

),

final as (

    select
        *,
        'ratio' as method
    from observed
    union all
    select
        *,
        'ratio' as method
    from after_it
    union all
    select
        *,
        'ratio' as method
    from other_categories
    union all
    select
        *,
        'difference' as method
    from against_controls
    union all
    select
        *,
        'difference' as method
    from placebo
    union all
    select
        *,
        'difference' as method
    from one_control

)

select * from final
