{{ config(
    materialized='amended_table',
    meta={'merge_on': 'redemption_id', 'deleted_with': ['transaction_id']}
) }}

with

valid as (

    select * from {{ ref('stg_loyalty_redemptions') }}

),

final as (

    select
        redemption_id,
        customer_id,
        redeemed_at,
        points,
        transaction_id
    from valid

)

select * from final
