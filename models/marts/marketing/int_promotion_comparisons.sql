with

series as (

    select
        *,
        {{ as_float('value') }} as value_of_day
    from {{ ref('int_promotion_series') }}

),

t_quantiles as (

    select * from {{ ref('t_quantiles') }}

),

weekdays as (

    select
        promotion_id,
        product_category,
        comparison,
        method,
        weekday,
        {{ as_float('sum(case when is_measured then 1 else 0 end)') }} as measured_days,
        {{ as_float('sum(case when is_measured then 0 else 1 end)') }} as baseline_days,
        avg(case when not is_measured then value_of_day end) as usual
    from series
    group by promotion_id, product_category, comparison, method, weekday

),

-- the residuals of a ratio are shares of what is usual, so a day weighs as much as is usual on it
weighted as (

    select
        *,
        case when method = 'ratio' then usual else {{ as_float('1') }} end as weight
    from weekdays

),

-- the baseline of each weekday counts as often as the weekday is among the measured days
expected as (

    select
        promotion_id,
        product_category,
        comparison,
        method,
        sum(measured_days) as measured_days,
        sum(baseline_days) as baseline_days,
        sum(case when baseline_days > 0 then 1 else 0 end) as baseline_weekdays,
        sum(case when measured_days > 0 and baseline_days = 0 then 1 else 0 end) as weekdays_missing,
        sum(measured_days * usual) as usual,
        sum(measured_days * weight) as weight,
        sum(measured_days * weight * weight) as squares_of_measured,
        sum(measured_days * measured_days * weight * weight / nullif(baseline_days, 0)) as squares_of_baseline
    from weighted
    group by promotion_id, product_category, comparison, method

),

residuals as (

    select
        series.promotion_id,
        series.product_category,
        series.comparison,
        series.sold_on,
        coalesce((series.value_of_day - weighted.usual) / nullif(weighted.weight, 0), 0) as residual
    from series
    inner join weighted
        on
            series.promotion_id = weighted.promotion_id
            and series.product_category = weighted.product_category
            and series.comparison = weighted.comparison
            and series.weekday = weighted.weekday
    where not series.is_measured

),

with_day_before as (

    select
        *,
        case
            when {{ days_between('lag(sold_on) over in_order', 'sold_on') }} = 1
                then residual * lag(residual) over in_order
        end as times_day_before
    from residuals
    window in_order as (partition by promotion_id, product_category, comparison order by sold_on)

),

noise as (

    select
        promotion_id,
        product_category,
        comparison,
        sum(residual * residual) as squares,
        {{ correlation_factor(day_correlation('residual', 'times_day_before', 'count(*)')) }} as factor
    from with_day_before
    group by promotion_id, product_category, comparison

),

measured as (

    select
        promotion_id,
        product_category,
        comparison,
        cast(sum(case when is_measured then units else 0 end) as bigint) as measured_units,
        cast(sum(case when is_measured then 0 else units end) as bigint) as baseline_units,
        sum(case when is_measured then value_of_day else 0 end) as total
    from series
    group by promotion_id, product_category, comparison

),

estimates as (

    select
        expected.*,
        measured.measured_units,
        measured.baseline_units,
        case
            when expected.method = 'ratio' then ln(nullif(measured.total, 0) / nullif(expected.usual, 0))
            else (measured.total - expected.usual) / nullif(expected.measured_days, 0)
        end as estimate,
        sqrt(
            noise.squares / nullif(greatest(expected.baseline_days - expected.baseline_weekdays, 0), 0)
            * (expected.squares_of_measured + expected.squares_of_baseline)
            / nullif(expected.weight * expected.weight, 0)
            * noise.factor
        ) as standard_error,
        {{ degrees_of_freedom('expected.baseline_days', 'expected.baseline_weekdays', 'noise.factor') }}
            as degrees_of_freedom
    from expected
    inner join measured
        on
            expected.promotion_id = measured.promotion_id
            and expected.product_category = measured.product_category
            and expected.comparison = measured.comparison
    left join noise
        on
            expected.promotion_id = noise.promotion_id
            and expected.product_category = noise.product_category
            and expected.comparison = noise.comparison

),

final as (

    select
        estimates.promotion_id,
        estimates.product_category,
        estimates.comparison,
        cast(estimates.measured_days as integer) as measured_days,
        cast(estimates.baseline_days as integer) as baseline_days,
        cast(estimates.weekdays_missing as integer) as weekdays_missing,
        estimates.measured_units,
        estimates.baseline_units,
        {{ settled('estimates.estimate') }} as estimate,
        {{ settled('estimates.standard_error') }} as standard_error,
        estimates.degrees_of_freedom,
        {{ settled('t_quantiles.quantile * estimates.standard_error') }} as half_width
    from estimates
    left join t_quantiles on estimates.degrees_of_freedom = t_quantiles.degrees_of_freedom

)

select * from final
