{{ config(materialized='view') }}

with

headers as (

    select * from {{ ref('checked_store_sales_header') }}

),

-- a copy, or another statement of a transaction that is clean, holds nothing back
final as (

    select
        source_row_number,
        transaction_id,
        customer_id,
        transaction_date,
        total_amount,
        failed_rules
    from headers
    where
        not is_valid
        and speaks_for_key

)

select * from final
