{{ config(
    materialized='amended_table',
    meta={'unit': 'transaction_id', 'units': 'affected_transactions', 'deleted_with': ['transaction_id']}
) }}

with

valid as (

    {{ valid_rows('store_sales_line_items', store_sales_line_items_columns()) }}

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
