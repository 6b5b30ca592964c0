{{ config(
    materialized='amended_table',
    meta={'unit': 'customer_id', 'units': 'affected_customers'}
) }}
{%- set clawbacks = rows_of_affected_customers(ref('loyalty_clawbacks')) %}
{%- set as_of = ref('as_of') %}

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

-- a tier holds the points from its own minimum up to the next tier's; the first one also those below 0
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

{% if tiers_by_earned_points() -%}
as_of as (

    select * from {{ as_of }}

),

clawbacks as (

    {{ clawbacks }}

),

earned_and_returned as (

    select
        customer_id,
        entry_at as purchase_date,
        points
    from ledger
    where entry_type = 'EARN'
    union all
    select
        customer_id,
        purchase_date,
        -points_due as points
    from clawbacks

),

-- a return counts with its purchase; one that matches none doesn't count
qualifying as (

    select
        earned_and_returned.customer_id,
        cast(sum(earned_and_returned.points) as bigint) as points
    from earned_and_returned
    cross join as_of
    where cast(earned_and_returned.purchase_date as date) > {{ tier_months_begin_after('as_of.as_of_date') }}
    group by earned_and_returned.customer_id

),

{% endif -%}
counted as (

    select
        totals.*,
        {%- if tiers_by_earned_points() %}
        coalesce(qualifying.points, 0) as tier_points
        {%- else %}
        totals.total_loyalty_points as tier_points
        {%- endif %}
    from totals
    {%- if tiers_by_earned_points() %}
    left join qualifying on totals.customer_id = qualifying.customer_id
    {%- endif %}

),

final as (

    select
        counted.customer_id,
        counted.opening_points,
        counted.earned_points,
        counted.clawed_back_points,
        counted.redeemed_points,
        counted.expired_points,
        counted.total_loyalty_points,
        counted.ledger_entries,
        customers.loyalty_status,
        tier_ranges.tier as qualifying_tier,
        tier_ranges.next_min_points - counted.tier_points as points_to_next_tier
    from counted
    inner join customers on counted.customer_id = customers.customer_id
    left join tier_ranges
        on
            greatest(counted.tier_points, 0) >= tier_ranges.min_points
            and (tier_ranges.next_min_points is null or counted.tier_points < tier_ranges.next_min_points)

)

select * from final
