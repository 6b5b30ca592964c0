{{ config(materialized='amended_table', meta={'merge_on': 'promotion_id'}) }}

with

valid as (

    select * from {{ ref('stg_promotion_details') }}

),

final as (

    select
        promotion_id,
        promotion_name,
        start_date,
        end_date,
        discount_percentage,
        applicable_category
    from valid

)

select * from final
