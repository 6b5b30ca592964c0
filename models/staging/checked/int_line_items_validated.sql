-- A work table: the lines that this build judges, which is all of them only in a full build.
{{ config(meta={'unlogged': true, 'analyze': true, 'n_distinct': {'transaction_id': 0.4}}) }}
{%- set columns = store_sales_line_items_columns() %}

with

products as (

    {{ parent_keys(ref('checked_products'), 'product_id') }}

),

promotions as (

    {{ parent_keys(ref('checked_promotion_details'), 'promotion_id') }}

),

read_values as (

    {{ read_cells(facts_to_read('store_sales_line_items', columns), columns) }}

),

key_conflicts as (

    select * from {{ ref('int_line_items_key_conflicts') }}

),

rows_to_judge as (

    select
        read_values.*,
        key_conflicts.key_is_copy,
        key_conflicts.key_is_conflict,
        coalesce(key_conflicts.key_is_taken, false) as key_is_taken,
        products.is_valid as product_id_parent_is_valid,
        promotions.is_valid as promotion_id_parent_is_valid
    from read_values
    left join key_conflicts on read_values.source_row_number = key_conflicts.source_row_number
    left join products on read_values.product_id = products.product_id
    left join promotions on read_values.promotion_id = promotions.promotion_id

),

final as (

    {{ judge(
        'rows_to_judge',
        columns,
        key_of('store_sales_line_items'),
        line_item_rules_of_row(),
        amount='line_item_amount_read',
        also=['key_is_taken']
    ) }}

)

select * from final
