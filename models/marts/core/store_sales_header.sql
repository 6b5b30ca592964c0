{{ config(
    materialized='amended_table',
    meta={'unit': 'transaction_id', 'units': 'affected_transactions', 'merge_on': 'transaction_id'}
) }}

with

valid as (

    {{ valid_rows('store_sales_header', store_sales_header_columns()) }}

),

final as (

    select
        transaction_id,
        customer_id,
        store_id,
        transaction_date,
        total_amount
    from valid

)

select * from final
