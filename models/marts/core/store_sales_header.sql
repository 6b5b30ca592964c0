{{ config(
    materialized='amended_table',
    meta={'unit': 'transaction_id', 'units': 'affected_transactions', 'merge_on': 'transaction_id'}
) }}
{% if var('raw_layer') == 'landing' -%}
-- depends_on: {{ ref('affected_transactions') }}
-- depends_on: {{ ref('checked_store_sales_header') }}
{%- endif %}

with

valid as (

    select * from {{ valid_rows('store_sales_header') }} as valid_rows

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
