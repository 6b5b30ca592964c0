{{ config(
    materialized='amended_table',
    meta={'unit': 'customer_id', 'units': 'affected_customers'}
) }}

with

ledger as (

    {{ rows_of_affected_customers(ref('loyalty_ledger')) }}

),

customers as (

    select * from {{ ref('stg_customer_details') }}

),

tiers as (

    select * from {{ ref('loyalty_tiers') }}

),

-- a tier holds the balances from its own minimum up to the next tier's; the first one also those below 0
tier_ranges as (

    select
        tier,
        min_points,
        lead(min_points) over (order by min_points) as next_min_points
    from tiers

),

totals as (

    select
        customer_id,
        cast(sum(points) as bigint) as total_loyalty_points,
        cast(sum(case when entry_type = 'OPENING' then points else 0 end) as bigint) as opening_points,
        cast(sum(case when entry_type = 'EARN' then points else 0 end) as bigint) as earned_points,
        cast(sum(case when entry_type = 'CLAWBACK' then points else 0 end) as bigint) as clawed_back_points,
        cast(sum(case when entry_type = 'REDEEM' then points else 0 end) as bigint) as redeemed_points,
        cast(sum(case when entry_type = 'EXPIRE' then points else 0 end) as bigint) as expired_points,
        count(*) as ledger_entries
    from ledger
    group by customer_id

),

final as (

    select
        totals.customer_id,
        totals.opening_points,
        totals.earned_points,
        totals.clawed_back_points,
        totals.redeemed_points,
        totals.expired_points,
        totals.total_loyalty_points,
        totals.ledger_entries,
        customers.loyalty_status,
        tier_ranges.tier as qualifying_tier
    from totals
    inner join customers on totals.customer_id = customers.customer_id
    left join tier_ranges
        on
            greatest(totals.total_loyalty_points, 0) >= tier_ranges.min_points
            and (tier_ranges.next_min_points is null or totals.total_loyalty_points < tier_ranges.next_min_points)

)

select * from final
