{{ config(
    materialized='amended_table',
    meta={'merge_on': 'stock_date, store_id, product_id', 'append': true, 'follows_repairs': true}
) }}
-- a count is a fact: once it is clean, it stands

with

valid as (

    select * from {{ ref('stg_inventory_levels') }}

),

final as (

    select
        stock_date,
        store_id,
        product_id,
        stock_level
    from valid
    {%- if amends() %}
    where
        not exists (
            select 1 from {{ this }} as published
            where
                valid.stock_date = published.stock_date
                and valid.store_id = published.store_id
                and valid.product_id = published.product_id
        )
    {%- endif %}

)

select * from final
