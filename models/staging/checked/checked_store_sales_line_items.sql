{{ config(
    materialized='amended_table',
    indexes=[{'columns': [key_hash(['transaction_id'])]}],
    meta={
        'unit': 'transaction_id',
        'units': 'affected_transactions',
        'partial_indexes': [
            {'column': 'warned_rules', 'where': "is_valid and warned_rules <> ''"},
        ],
    }
) }}

with

line_items as (

    select * from {{ ref('int_line_items_validated') }}

),

checked_headers as (

    {{ affected_rows(ref('checked_store_sales_header')) }}

),

-- several rows may share a key; the one that speaks for it is valid if any of them is
headers as (

    select * from checked_headers
    where speaks_for_key

),

products as (

    select * from {{ ref('checked_products') }}
    where is_valid

),

promotions as (

    select * from {{ ref('checked_promotion_details') }}
    where is_valid

),

rows_to_judge as (

    select
        line_items.*,
        headers.is_valid as transaction_id_parent_is_valid,
        headers.closed_through_file_id as header_closed_through_file_id,
        case when headers.is_valid then headers.transaction_date end as transaction_date,
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
        line_item_rules_of_transaction(),
        judged_before=true,
        also=['key_is_taken']
    ) }}

)

select * from final
