{%- set text = sql_type('text') %}
with

promotions as (

    select * from {{ ref('promotion_details') }}

),

product_categories as (

    select distinct product_category from {{ ref('products') }}

),

as_of as (

    select * from {{ ref('as_of') }}

),

categories as (

    select
        promotion_id,
        product_category,
        start_date,
        end_date,
        only_category,
        sum(full_price_value) as full_price_value,
        sum(discount_given) as discount_given
    from {{ ref('int_promotion_runs') }}
    group by promotion_id, product_category, start_date, end_date, only_category

),

stores as (

    select
        promotion_id,
        product_category,
        cast(count(*) as integer) as stores
    from {{ ref('int_promotion_stores') }}
    group by promotion_id, product_category

),

controls as (

    select
        promotion_id,
        product_category,
        cast(count(*) as integer) as controls
    from {{ ref('int_promotion_controls') }}
    group by promotion_id, product_category

),

days as (

    select
        promotion_id,
        product_category,
        weekday,
        sum(case when phase = 'promotion' then 1 else 0 end) as promoted_days,
        sum(case when phase = 'promotion' then 0 else 1 end) as baseline_days,
        sum(case when phase = 'after' then 1 else 0 end) as days_after,
        sum(case when phase = 'promotion' then units else 0 end) as promoted_units,
        sum(case when phase = 'promotion' then revenue else 0 end) as promoted_revenue,
        avg(case when phase <> 'promotion' then {{ as_float('units') }} end) as usual_units,
        avg(case when phase <> 'promotion' then {{ as_float('revenue') }} end) as usual_revenue
    from {{ ref('int_promotion_days') }}
    where
        is_usable
        and days_away <= {{ measured_windows().baseline }}
    group by promotion_id, product_category, weekday

),

levels as (

    select
        promotion_id,
        product_category,
        cast(sum(promoted_days) as integer) as promoted_days,
        cast(sum(baseline_days) as integer) as baseline_days,
        cast(sum(days_after) as integer) as days_after,
        sum(promoted_units) / nullif({{ as_float('sum(promoted_days)') }}, 0) as promoted_units,
        {{ as_float('sum(promoted_revenue)') }} / nullif(sum(promoted_days), 0) as promoted_revenue,
        -- null where a weekday of the promotion has nothing to compare with
        case
            when sum(case when promoted_days > 0 and baseline_days = 0 then 1 else 0 end) = 0
                then sum(promoted_days * usual_units) / nullif(sum(promoted_days), 0)
        end as usual_units,
        case
            when sum(case when promoted_days > 0 and baseline_days = 0 then 1 else 0 end) = 0
                then sum(promoted_days * usual_revenue) / nullif(sum(promoted_days), 0)
        end as usual_revenue
    from days
    group by promotion_id, product_category

),

comparisons as (

    select
        *,
        {{ lacks() }} as lack
    from {{ ref('int_promotion_comparisons') }}

),

-- categories that changed against the others while the promotion ran
suspicious as (

    select
        promotion_id,
        product_category,
        max(case when comparison = 'placebo' and lack is null and abs(estimate) > half_width then 1 else 0 end)
            as drifted,
        max(
            case when comparison like 'control %' and abs(estimate) >= 2.5 * standard_error then 1 else 0 end
        ) as substituted
    from comparisons
    group by promotion_id, product_category

),

joined as (

    select
        categories.promotion_id,
        categories.product_category,
        categories.only_category,
        categories.full_price_value,
        categories.discount_given,
        {{ days_between('categories.start_date', 'categories.end_date') }} + 1 as days_planned,
        stores.stores,
        coalesce(levels.promoted_days, 0) as promoted_days,
        coalesce(levels.baseline_days, 0) as baseline_days,
        coalesce(levels.days_after, 0) as days_after,
        levels.promoted_units / stores.stores as promoted_units,
        levels.promoted_revenue / stores.stores as promoted_revenue,
        levels.usual_units / stores.stores as usual_units,
        levels.usual_revenue / stores.stores as usual_revenue,
        observed.estimate as observed_estimate,
        observed.half_width as observed_half_width,
        observed.lack as observed_lack,
        did.estimate as did_estimate,
        did.half_width as did_half_width,
        case
            when categories.only_category is null then 'the promotion was on all categories'
            when coalesce(controls.controls, 0) < 2 then 'there are not two other categories without a promotion'
            when did.lack is not null then did.lack
            when suspicious.drifted = 1 then 'the category had left the others before the promotion began'
            when suspicious.substituted = 1 then 'another category changed at the same time, perhaps by substitution'
            when did.estimate is null then 'nothing to compare with'
        end as did_lack,
        after_it.estimate as after_estimate,
        after_it.half_width as after_half_width,
        after_it.lack as after_lack,
        others.estimate as others_estimate,
        others.half_width as others_half_width,
        others.lack as others_lack
    from categories
    left join stores
        on
            categories.promotion_id = stores.promotion_id
            and categories.product_category = stores.product_category
    left join controls
        on
            categories.promotion_id = controls.promotion_id
            and categories.product_category = controls.product_category
    left join levels
        on
            categories.promotion_id = levels.promotion_id
            and categories.product_category = levels.product_category
    left join suspicious
        on
            categories.promotion_id = suspicious.promotion_id
            and categories.product_category = suspicious.product_category
    left join comparisons as observed
        on
            categories.promotion_id = observed.promotion_id
            and categories.product_category = observed.product_category
            and observed.comparison = 'observed'
    left join comparisons as after_it
        on
            categories.promotion_id = after_it.promotion_id
            and categories.product_category = after_it.product_category
            and after_it.comparison = 'after'
    left join comparisons as others
        on
            categories.promotion_id = others.promotion_id
            and categories.product_category = others.product_category
            and others.comparison = 'other categories'
    left join comparisons as did
        on
            categories.promotion_id = did.promotion_id
            and categories.product_category = did.product_category
            and did.comparison = 'difference'

),

-- why a figure is missing; null if it isn't
reasons as (

    select
        *,
        case
            when stores is null then 'no store of it was open from before the promotion to the end'
            when promoted_days = 0 then 'other promotions ran on the category on all its days'
            when observed_lack is not null then observed_lack
            when days_planned >= 14 and days_after < 14
                then 'only ' || cast(days_after as {{ text }}) || ' days after it to compare with, 14 are needed'
            when did_lack is null and abs(observed_estimate - did_estimate) > observed_half_width
                then 'it contradicts did_lift, so something else changed all categories'
            when observed_estimate is null then 'nothing to compare with'
        end as no_observed,
        did_lack as no_did,
        case
            when after_lack is not null then after_lack
            when after_estimate is null then 'nothing to compare with'
        end as no_after,
        case
            when others_lack is not null then others_lack
            when others_estimate is null then 'there is no other category without a promotion'
        end as no_others
    from joined

),

judged as (

    select
        *,
        case when no_observed is null then observed_estimate end as observed,
        case when no_did is null then did_estimate end as did,
        case when no_after is null then after_estimate end as after_it,
        case when no_others is null then others_estimate end as others,
        case
            when no_did is null then did_half_width
            when no_observed is null then observed_half_width
        end as half_width,
        case
            when no_did is null then did_estimate - did_half_width
            when no_observed is null then observed_estimate - observed_half_width
        end as at_least
    from reasons

),

ranked as (

    select
        promotion_id,
        product_category,
        cast(row_number() over (
            order by
                case when did is not null then 1 else 2 end,
                at_least desc,
                {{ by_code_point('promotion_id') }},
                {{ by_code_point('product_category') }}
        ) as integer) as rank
    from judged
    where at_least > 0

),

final as (

    select
        promotions.promotion_id,
        promotions.promotion_name,
        coalesce(judged.product_category, promotions.applicable_category) as product_category,
        promotions.start_date,
        promotions.end_date,
        ranked.rank,
        case
            when judged.did is not null then 'difference_in_differences'
            when judged.observed is not null then 'before_after'
            else 'none'
        end as evidence,
        {{ lift_of('judged.did') }} as did_lift,
        {{ lift_of('judged.did - judged.did_half_width') }} as did_lift_low,
        {{ lift_of('judged.did + judged.did_half_width') }} as did_lift_high,
        {{ lift_of('judged.observed') }} as observed_lift,
        {{ lift_of('judged.observed - judged.observed_half_width') }} as observed_lift_low,
        {{ lift_of('judged.observed + judged.observed_half_width') }} as observed_lift_high,
        {{ lift_of('judged.half_width') }} as smallest_visible_lift,
        {{ lift_of('judged.after_it') }} as after_change,
        {{ lift_of('judged.after_it - judged.after_half_width') }} as after_change_low,
        {{ lift_of('judged.after_it + judged.after_half_width') }} as after_change_high,
        {{ lift_of('judged.others') }} as other_categories_change,
        {{ lift_of('judged.others - judged.others_half_width') }} as other_categories_change_low,
        {{ lift_of('judged.others + judged.others_half_width') }} as other_categories_change_high,
        case
            when judged.promotion_id is null and promotions.start_date > as_of.as_of_date
                then 'it begins on ' || cast(promotions.start_date as {{ text }})
            when
                judged.promotion_id is null
                and promotions.applicable_category <> 'ALL'
                and product_categories.product_category is null
                then 'no product is of its category'
            when judged.promotion_id is null then 'no clean line names the promotion in its dates and category'
            else
                nullif(
                    concat_ws(
                        '; ',
                        'no observed_lift: ' || judged.no_observed,
                        'no did_lift: ' || judged.no_did,
                        'no after_change: ' || judged.no_after,
                        'no other_categories_change: ' || judged.no_others
                    ), ''
                )
        end as why_not,
        judged.stores,
        judged.promoted_days,
        judged.baseline_days,
        {{ shown('judged.promoted_units') }} as promoted_units_per_store_day,
        {{ shown('judged.usual_units') }} as baseline_units_per_store_day,
        {{ shown('judged.promoted_revenue') }} as promoted_revenue_per_store_day,
        {{ shown('judged.usual_revenue') }} as baseline_revenue_per_store_day,
        promotions.discount_percentage as stated_discount,
        {{ shown(as_float('judged.discount_given') ~ ' / nullif(' ~ as_float('judged.full_price_value') ~ ', 0)') }}
            as realised_discount
    from promotions
    cross join as_of
    left join product_categories on promotions.applicable_category = product_categories.product_category
    left join judged on promotions.promotion_id = judged.promotion_id
    left join ranked
        on
            judged.promotion_id = ranked.promotion_id
            and judged.product_category = ranked.product_category

)

select * from final
