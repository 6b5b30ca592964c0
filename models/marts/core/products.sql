{{ config(materialized='amended_table', meta={'merge_on': 'product_id'}) }}

with

valid as (

    select * from {{ ref('stg_products') }}

),

final as (

    select
        product_id,
        product_name,
        product_category,
        unit_price,
        current_stock_level
    from valid

)

select * from final
