{{ config(materialized='amended_table', meta={'merge_on': 'store_id'}) }}

with

valid as (

    select * from {{ ref('stg_stores') }}

),

final as (

    select
        store_id,
        store_name,
        store_city,
        store_region,
        opening_date
    from valid

)

select * from final
