{%- set columns = store_sales_line_items_columns() -%}
{%- set raw_store_sales_line_items = raw_table('store_sales_line_items') -%}

with

headers as (

    select distinct {{ read_text('transaction_id') }} as transaction_id
    from {{ raw_table('store_sales_header') }}

),

products as (

    {{ parent_keys(ref('checked_products'), 'product_id') }}

),

promotions as (

    {{ parent_keys(ref('checked_promotion_details'), 'promotion_id') }}

),

read_values as (

    {{ read_cells(raw_store_sales_line_items, columns) }}

),

repeated as (

    {{ repeated_keys(raw_store_sales_line_items, columns, key_of('store_sales_line_items')) }}

),

rows_to_judge as (

    select
        read_values.*,
        repeated.key_kept_row,
        repeated.key_is_conflict,
        case when headers.transaction_id is not null then true end as transaction_id_parent_is_valid,
        products.is_valid as product_id_parent_is_valid,
        promotions.is_valid as promotion_id_parent_is_valid
    from read_values
    left join repeated
        on
            read_values.transaction_id = repeated.transaction_id
            and read_values.line_item_id = repeated.line_item_id
    left join headers on read_values.transaction_id = headers.transaction_id
    left join products on read_values.product_id = products.product_id
    left join promotions on read_values.promotion_id = promotions.promotion_id

),

final as (

    {{ judge(
        'rows_to_judge',
        columns,
        key_of('store_sales_line_items'),
        rules_of('store_sales_line_items', part='line_rules'),
        amount='line_item_amount_read'
    ) }}

)

select * from final
