{%- set limits = suspicion() %}
{%- set text = sql_type('text') %}
with

products as (

    select * from {{ ref('products') }}

),

series as (

    select * from {{ ref('int_stock_series') }}

),

gaps as (

    select distinct
        store_id,
        product_id,
        runs
    from {{ ref('int_stock_gaps') }}

),

runs as (

    select * from {{ ref('int_stock_runs') }}

),

suspected as (

    select
        store_id,
        product_id,
        count(*) as runs,
        sum(days_out) as days_out
    from runs
    group by store_id, product_id

),

-- without what is suspected: two days without a sale in a row, and how often chance would have it
outside as (

    select
        series.*,
        series.days_without_sale - coalesce(gaps.runs, 0) - coalesce(suspected.days_out - suspected.runs, 0) as pairs,
        {{ as_float('series.days_without_sale - coalesce(suspected.days_out, 0)') }} as days_without_sale_outside,
        series.open_days - coalesce(suspected.days_out, 0) as days_outside
    from series
    left join suspected
        on
            series.store_id = suspected.store_id
            and series.product_id = suspected.product_id
    left join gaps
        on
            series.store_id = gaps.store_id
            and series.product_id = gaps.product_id
    where series.days_known is null

),

bursts as (

    select
        store_id,
        sum(pairs) as pairs,
        sum(days_without_sale_outside * (days_without_sale_outside - 1) / (days_outside - 2)) as pairs_by_chance
    from outside
    where selling_days >= {{ limits.selling_days }}
    group by store_id

),

judged as (

    select
        outside.*,
        -- one standard error more, because chance alone takes half of all stores above the limit
        bursts.pairs > {{ limits.burstiness }} * bursts.pairs_by_chance + sqrt(bursts.pairs_by_chance) as is_bursty
    from outside
    left join bursts on outside.store_id = bursts.store_id

),

-- of the series as a whole, for how long it has to be out before that is no chance
reasons as (

    select
        judged.*,
        {{ share_without_sale('days_without_sale_outside', 'days_outside') }} as share_without_sale,
        case
            when selling_days < {{ limits.selling_days }}
                then
                    'sold on only ' || cast(selling_days as {{ text }}) || ' days, {{ limits.selling_days }} are needed'
            when
                {{ share_without_sale('days_without_sale_outside', 'days_outside') }}
                > {{ limits.share_without_sale }}
                then 'sold nothing on too many days to see a stock-out'
            when is_bursty then 'sales of the store come in bursts, so days without a sale say nothing'
        end as lack
    from judged

),

series_judged as (

    select
        store_id,
        product_id,
        selling_days,
        open_days,
        false as is_counted,
        cast(null as integer) as days_known,
        cast(null as decimal(18, 4)) as share_of_days_out,
        cast(null as integer) as days_sold_out,
        lack,
        case
            when lack is null
                then
                    cast(
                        floor(
                            (ln({{ as_float(limits.chance) }}) - ln({{ as_float('open_days') }}))
                            / ln(share_without_sale)
                        ) as integer
                    ) + 1
        end as shortest_visible_days
    from reasons
    union all
    select
        store_id,
        product_id,
        selling_days,
        open_days,
        true as is_counted,
        days_known,
        {{ shown(as_float('days_out') ~ ' / days_known') }} as share_of_days_out,
        days_sold_out,
        cast(null as {{ text }}) as lack,
        cast(null as integer) as shortest_visible_days
    from series
    where days_known is not null

),

outs as (

    select
        store_id,
        product_id,
        first_day,
        last_day,
        days_out,
        lost_units,
        case when lost_units < half_width then 0 else lost_units - half_width end as lost_units_low,
        lost_units + half_width as lost_units_high
    from runs
    union all
    -- what is known to have been there lost nothing
    select
        store_id,
        product_id,
        cast(null as date) as first_day,
        cast(null as date) as last_day,
        days_out,
        0 as lost_units,
        0 as lost_units_low,
        0 as lost_units_high
    from series
    where days_out = 0

),

final as (

    select
        series_judged.product_id,
        products.product_name,
        series_judged.store_id,
        outs.first_day,
        outs.last_day,
        case
            when series_judged.is_counted then 'stock file'
            when outs.first_day is null then 'none'
            else 'suspected'
        end as evidence,
        outs.days_out,
        round(outs.lost_units, 1) as lost_units,
        round(outs.lost_units_low, 1) as lost_units_low,
        round(outs.lost_units_high, 1) as lost_units_high,
        round(outs.lost_units * products.unit_price, 2) as lost_sales,
        round(outs.lost_units_low * products.unit_price, 2) as lost_sales_low,
        round(outs.lost_units_high * products.unit_price, 2) as lost_sales_high,
        case
            when series_judged.lack is not null then series_judged.lack
            when outs.first_day is null and not series_judged.is_counted
                then 'no run of days without a sale is too long to be chance'
            when outs.lost_units is null then 'no lost_units: a weekday of it has no other day to compare with'
            when outs.lost_units_high is null then 'no interval: too few other days'
        end as why_not,
        series_judged.shortest_visible_days,
        series_judged.selling_days,
        series_judged.open_days,
        series_judged.days_known,
        series_judged.share_of_days_out,
        series_judged.days_sold_out
    from series_judged
    left join products on series_judged.product_id = products.product_id
    left join outs
        on
            series_judged.store_id = outs.store_id
            and series_judged.product_id = outs.product_id
            and series_judged.lack is null

)

select * from final
