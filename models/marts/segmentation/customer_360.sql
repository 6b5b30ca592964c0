{{ config(materialized='view') }}

with

details as (

    select * from {{ ref('customer_details') }}

),

segments as (

    select * from {{ ref('customer_segments') }}

),

names as (

    select * from {{ ref('segments') }}

),

balances as (

    select * from {{ ref('loyalty_balances') }}

),

final as (

    select
        details.customer_id,
        details.first_name,
        details.email,
        details.loyalty_status,
        balances.qualifying_tier,
        details.total_loyalty_points,
        balances.opening_points,
        balances.earned_points,
        balances.clawed_back_points,
        balances.redeemed_points,
        balances.expired_points,
        details.segment_id,
        names.segment_name,
        segments.is_high_spender,
        segments.is_at_risk,
        segments.is_new,
        segments.at_risk_is_doubtful,
        segments.high_spender_is_doubtful,
        segments.first_purchase_date,
        details.last_purchase_date,
        segments.days_since_last_purchase,
        segments.typical_days_between_purchases,
        segments.days_overdue,
        segments.recency_days,
        segments.frequency,
        segments.monetary,
        segments.r_score,
        segments.f_score,
        segments.m_score,
        segments.rfm_segment,
        segments.held_back_transactions,
        segments.held_back_amount,
        segments.last_held_back_date
    from details
    inner join segments on details.customer_id = segments.customer_id
    inner join names on details.segment_id = names.segment_id
    inner join balances on details.customer_id = balances.customer_id

)

select * from final
