with

valid as (

    select * from {{ ref('stg_store_sales_line_items') }}

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
