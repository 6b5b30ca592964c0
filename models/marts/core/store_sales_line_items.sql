{{ config(
    materialized='amended_table',
    meta={'unit': 'transaction_id', 'units': 'affected_transactions', 'deleted_with': ['transaction_id']}
) }}
{% if var('raw_layer') == 'landing' -%}
-- depends_on: {{ ref('affected_transactions') }}
-- depends_on: {{ ref('checked_store_sales_line_items') }}
{%- endif %}

with

valid as (

    select * from {{ valid_rows('store_sales_line_items') }} as valid_rows

),

final as (

    select
        line_item_id,
        transaction_id,
        product_id,
        promotion_id,
        quantity,
        line_item_amount
    from valid

)

select * from final
