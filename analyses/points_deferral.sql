-- How much of the money of sales is deferred for the points that came with them (IFRS 15, illustrative example 52):
-- dbt show -s points_deferral --limit 24 --vars '{point_price: 0.01, expected_redemption_share: 0.95}'
-- A sale's money is that of its transaction. Points of opening balances came with sales that are not in the data, so
-- neither they nor their redemptions count. What a return takes back leaves with the average money of a point.
{%- set point_price = setting('point_price') %}
{%- set decimals = setting('price_share_decimals') %}
with

liability as (

    select * from {{ ref('loyalty_liability') }}

),

ledger as (

    select * from {{ ref('loyalty_ledger') }}

),

lot_uses as (

    select * from {{ ref('loyalty_lot_uses') }}

),

transactions as (

    select * from {{ ref('store_sales_header') }}

),

sales as (

    select
        {{ first_of_month('ledger.entry_at') }} as month_begins_on,
        sum(greatest(transactions.total_amount, 0)) as sales_amount
    from ledger
    inner join transactions on ledger.transaction_id = transactions.transaction_id
    where ledger.entry_type = 'EARN' and ledger.points > 0
    group by 1

),

redeemed_of_openings as (

    select
        {{ first_of_month('ledger.entry_at') }} as month_begins_on,
        sum(lot_uses.points) as points
    from ledger
    inner join lot_uses
        on
            ledger.customer_id = lot_uses.customer_id
            and ledger.redemption_id = lot_uses.event_id
    where ledger.entry_type = 'REDEEM' and lot_uses.event_type = 'REDEEM' and lot_uses.lot_id is null
    group by 1

),

months as (

    select
        liability.month_begins_on,
        cast(liability.earned_points as {{ sql_type('numeric(20, 0)') }}) as points_earned,
        cast(liability.clawed_back_points as {{ sql_type('numeric(20, 0)') }}) as points_clawed_back,
        -liability.redeemed_points - coalesce(redeemed_of_openings.points, 0) as points_redeemed,
        coalesce(sales.sales_amount, 0) as sales_amount,
        cast({{ 'null' if point_price is none else point_price }} as {{ sql_type('numeric(20, 10)') }}) as point_price,
        {{ expected_redemption_share('liability.month_begins_on') }} as expected_share
    from liability
    left join sales on liability.month_begins_on = sales.month_begins_on
    left join redeemed_of_openings on liability.month_begins_on = redeemed_of_openings.month_begins_on

),

deferred_at_sale as (

    select
        *,
        case
            when points_earned > 0
                then {{ deferred_revenue('sales_amount', 'points_earned', 'point_price', 'expected_share', decimals) }}
            else 0
        end as deferred_amount
    from months

),

so_far as (

    select
        month_begins_on,
        expected_share,
        sum(points_earned) over in_order as points_granted,
        sum(points_earned + points_clawed_back) over in_order as points_earned,
        sum(points_redeemed) over in_order as points_redeemed,
        sum(deferred_amount) over in_order as deferred_amount,
        sum(case when point_price is null then 1 else 0 end) over in_order as months_without_price,
        sum(case when expected_share is null then 1 else 0 end) over in_order as months_without_share
    from deferred_at_sale
    window in_order as (
        order by month_begins_on
        rows between unbounded preceding and current row
    )

),

without_returns as (

    select
        *,
        case
            when months_without_price + months_without_share > 0 then null
            when points_granted = 0 then 0
            else deferred_amount * points_earned / points_granted
        end as deferred_so_far
    from so_far

),

recognised as (

    select
        *,
        {{ recognised_revenue('deferred_so_far', 'points_redeemed', 'points_earned', 'expected_share') }}
            as recognised_so_far
    from without_returns

),

final as (

    select
        month_begins_on,
        round(deferred_so_far, 2) as deferred_so_far,
        round(recognised_so_far - lag(recognised_so_far, 1, 0) over (order by month_begins_on), 2) as recognised,
        round(deferred_so_far - recognised_so_far, 2) as still_deferred,
        case
            when months_without_price > 0 then 'no price of a point: set the var point_price'
            when months_without_share > 0
                then 'no share for this or an earlier month: set the var expected_redemption_share'
        end as no_figures_because,
        points_earned as points_earned_so_far,
        points_redeemed as points_redeemed_so_far
    from recognised

)

select * from final
order by 1
