{%- set limits = suspicion() %}
{%- set text = sql_type('text') %}
with

products as (

    select * from {{ ref('products') }}

),

series as (

    select * from {{ ref('int_stock_series') }}

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
        series.days_without_sale - series.runs - coalesce(suspected.days_out - suspected.runs, 0) as pairs,
        {{ as_float('series.days_without_sale - coalesce(suspected.days_out, 0)') }} as days_without_sale_outside,
        series.open_days - coalesce(suspected.days_out, 0) as days_outside
    from series
    left join suspected
        on
            series.store_id = suspected.store_id
            and series.product_id = suspected.product_id

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

final as (

    select
        reasons.product_id,
        reasons.store_id,
        runs.first_day,
        runs.last_day,
        case when runs.first_day is null then 'none' else 'suspected' end as evidence,
        runs.days_out,
        round(runs.lost_units, 1) as lost_units,
        round(case when runs.lost_units < runs.half_width then 0 else runs.lost_units - runs.half_width end, 1)
            as lost_units_low,
        round(runs.lost_units + runs.half_width, 1) as lost_units_high,
        round(runs.lost_units * products.unit_price, 2) as lost_sales,
        case
            when reasons.lack is not null then reasons.lack
            when runs.first_day is null then 'no run of days without a sale is too long to be chance'
            when runs.lost_units is null then 'no lost_units: a weekday of it has no other day to compare with'
            when runs.half_width is null then 'no interval: too few other days'
        end as why_not,
        case
            when reasons.lack is null
                then
                    cast(
                        floor(
                            (ln({{ as_float(limits.chance) }}) - ln({{ as_float('reasons.open_days') }}))
                            / ln(reasons.share_without_sale)
                        ) as integer
                    ) + 1
        end as shortest_visible_days,
        reasons.selling_days,
        reasons.open_days
    from reasons
    left join products on reasons.product_id = products.product_id
    left join runs
        on
            reasons.store_id = runs.store_id
            and reasons.product_id = runs.product_id
            and reasons.lack is null

)

select * from final
