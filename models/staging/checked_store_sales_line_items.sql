with

line_items as (

    select * from {{ ref('prechecked_store_sales_line_items') }}

),

checked_headers as (

    select * from {{ ref('checked_store_sales_header') }}

),

products as (

    select * from {{ ref('checked_products') }}
    where is_valid

),

promotions as (

    select * from {{ ref('checked_promotion_details') }}
    where is_valid

),

-- a key may stand in several rows, of which one at most is valid
headers as (

    select
        transaction_id,
        bool_or(is_valid) as is_valid,
        max(case when is_valid then transaction_date end) as transaction_date
    from checked_headers
    where transaction_id is not null
    group by transaction_id

),

rows_to_judge as (

    select
        line_items.*,
        headers.is_valid as header_is_valid,
        headers.transaction_date,
        products.product_category,
        promotions.start_date as promotion_start_date,
        promotions.end_date as promotion_end_date,
        promotions.applicable_category as promotion_category
    from line_items
    left join headers on line_items.transaction_id = headers.transaction_id
    left join products on line_items.product_id = products.product_id
    left join promotions on line_items.promotion_id = promotions.promotion_id

),

final as (

    {{ judge(
        'rows_to_judge',
        store_sales_line_items_columns(),
        key_of('store_sales_line_items'),
        rules_of('store_sales_line_items', part='line_rules_of_transaction'),
        judged_before=true
    ) }}

)

select * from final
