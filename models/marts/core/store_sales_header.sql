with

valid as (

    select * from {{ ref('stg_store_sales_header') }}

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
