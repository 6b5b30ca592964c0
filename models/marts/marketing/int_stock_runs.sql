{%- set limits = suspicion() %}
with

series as (

    select * from {{ ref('int_stock_series') }}

),

gaps as (

    select * from {{ ref('int_stock_gaps') }}

),

product_days as (

    select * from {{ ref('int_product_days') }}

),

open_days as (

    select * from {{ ref('int_open_days') }}

),

stock_days as (

    select * from {{ ref('int_stock_days') }}

),

t_quantiles as (

    select * from {{ ref('t_quantiles') }}

),

runs as (

    select
        gaps.*,
        series.first_number,
        series.last_number,
        series.open_days,
        series.days_without_sale
    from gaps
    inner join series
        on
            gaps.store_id = series.store_id
            and gaps.product_id = series.product_id

),

-- by all days of the product first: only runs that pass are compared with the days around them
candidates as (

    select * from runs
    where
        {{ is_no_chance(
            share_without_sale('days_without_sale - days_out', 'open_days - days_out'), 'days_out', 'open_days'
        ) }}

),

counted as (

    select
        store_id,
        product_id,
        min(day_number) as run_from,
        max(day_number) as run_through,
        cast(count(*) as integer) as days_out
    from stock_days
    where is_out
    group by store_id, product_id, run_number

),

suspects as (

    select distinct
        store_id,
        product_id
    from candidates

),

-- few products are suspected: their days only are joined below
suspects_days as (

    select product_days.*
    from product_days
    inner join suspects
        on
            product_days.store_id = suspects.store_id
            and product_days.product_id = suspects.product_id

),

days_around_candidates as (

    select
        candidates.store_id,
        candidates.product_id,
        candidates.run_from,
        open_days.open_on,
        {{ weekday_of('open_days.open_on') }} as weekday,
        open_days.day_number between candidates.run_from and candidates.run_through as is_out,
        coalesce(suspects_days.units, 0) as units,
        others.run_from is not null as is_out_otherwise
    from candidates
    inner join open_days
        on
            candidates.store_id = open_days.store_id
            and open_days.day_number between
            greatest(candidates.run_from - {{ limits.days_around }}, candidates.first_number)
            and least(candidates.run_through + {{ limits.days_around }}, candidates.last_number)
    left join suspects_days
        on
            candidates.store_id = suspects_days.store_id
            and candidates.product_id = suspects_days.product_id
            and open_days.open_on = suspects_days.sold_on
    left join candidates as others
        on
            candidates.store_id = others.store_id
            and candidates.product_id = others.product_id
            and candidates.run_from <> others.run_from
            and open_days.day_number between others.run_from and others.run_through

),

-- only days on which the product is known to have been there say what sells
days_around_counted as (

    select
        counted.store_id,
        counted.product_id,
        counted.run_from,
        stock_days.counted_on as open_on,
        {{ weekday_of('stock_days.counted_on') }} as weekday,
        stock_days.day_number between counted.run_from and counted.run_through as is_out,
        case when stock_days.is_sold_out then 0 else stock_days.units end as units,
        stock_days.is_out or stock_days.is_sold_out as is_out_otherwise
    from counted
    inner join stock_days
        on
            counted.store_id = stock_days.store_id
            and counted.product_id = stock_days.product_id
            and stock_days.day_number between
            counted.run_from - {{ limits.days_around }} and counted.run_through + {{ limits.days_around }}

),

days_around as (

    select * from days_around_candidates
    union all
    select * from days_around_counted

),

weekdays as (

    select
        store_id,
        product_id,
        run_from,
        weekday,
        min(case when is_out then open_on end) as first_day,
        max(case when is_out then open_on end) as last_day,
        sum(case when is_out then 1 else 0 end) as days_out,
        sum(case when is_out then 0 else 1 end) as days_around,
        sum(case when not is_out and units = 0 then 1 else 0 end) as days_without_sale,
        -- days of another run say nothing about what sells
        sum(case when is_out or is_out_otherwise then 0 else 1 end) as compared_days,
        {{ as_float('sum(units)') }} as units,
        {{ as_float('sum(units * units)') }} as squares
    from days_around
    group by store_id, product_id, run_from, weekday

),

estimated as (

    select
        store_id,
        product_id,
        run_from,
        min(first_day) as first_day,
        max(last_day) as last_day,
        sum(days_around) as days_around,
        sum(days_without_sale) as days_without_sale,
        cast(sum(compared_days) - sum(case when compared_days > 0 then 1 else 0 end) as integer) as degrees_of_freedom,
        sum(case when days_out > 0 and compared_days = 0 then 1 else 0 end) as weekdays_missing,
        sum(days_out * units / nullif(compared_days, 0)) as lost_units,
        -- of the days themselves, and of the means that they are compared with
        sum(days_out) + coalesce(sum({{ as_float('days_out * days_out') }} / nullif(compared_days, 0)), 0) as spread,
        sum(squares - units * units / nullif(compared_days, 0)) as squares
    from weekdays
    group by store_id, product_id, run_from

),

runs_to_judge as (

    select
        store_id,
        product_id,
        run_from,
        days_out,
        open_days,
        false as is_counted
    from candidates
    union all
    select
        store_id,
        product_id,
        run_from,
        days_out,
        null as open_days,
        true as is_counted
    from counted

),

final as (

    select
        runs_to_judge.store_id,
        runs_to_judge.product_id,
        estimated.first_day,
        estimated.last_day,
        runs_to_judge.days_out,
        case when estimated.weekdays_missing = 0 then {{ settled('estimated.lost_units') }} end as lost_units,
        case
            when estimated.weekdays_missing = 0 and estimated.degrees_of_freedom >= 2
                then {{ settled(
                    't_quantiles.quantile * sqrt(greatest(estimated.squares, 0) / estimated.degrees_of_freedom * estimated.spread)'
                ) }}
        end as half_width
    from runs_to_judge
    inner join estimated
        on
            runs_to_judge.store_id = estimated.store_id
            and runs_to_judge.product_id = estimated.product_id
            and runs_to_judge.run_from = estimated.run_from
    left join t_quantiles on least(estimated.degrees_of_freedom, 60) = t_quantiles.degrees_of_freedom
    where
        runs_to_judge.is_counted
        or (
            {{ is_no_chance(
                share_without_sale('estimated.days_without_sale', 'estimated.days_around'),
                'runs_to_judge.days_out',
                'runs_to_judge.open_days'
            ) }}
        )

)

select * from final
