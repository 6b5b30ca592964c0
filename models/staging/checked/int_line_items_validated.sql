-- A work table: the lines that this build judges, which is all of them only where everything is built anew.
{{ config(
    materialized='amended_table',
    meta={'unlogged': true, 'is_amended': false, 'distinct': {'transaction_id': 0.4}}
) }}
{%- set columns = store_sales_line_items_columns() -%}
{%- set key = key_of('store_sales_line_items') -%}
{%- set line_items = facts_to_read('store_sales_line_items') %}

{% if var('raw_layer') == 'landing' -%}
-- depends_on: {{ ref('affected_transactions') }}
{%- endif %}

with

products as (

    {{ parent_keys(ref('checked_products'), 'product_id') }}

),

promotions as (

    {{ parent_keys(ref('checked_promotion_details'), 'promotion_id') }}

),

read_values as (

    {{ read_cells(line_items ~ ' as raw', columns) }}

),

repeated as (

    select * from {{ ref('int_line_items_key_conflicts') }}

),

rows_to_judge as (

    select
        read_values.*,
        repeated.key_is_copy,
        repeated.key_is_conflict,
        coalesce(repeated.key_is_taken, false) as key_is_taken,
        products.is_valid as product_id_parent_is_valid,
        promotions.is_valid as promotion_id_parent_is_valid
    from read_values
    left join repeated on read_values.source_row_number = repeated.source_row_number
    left join products on read_values.product_id = products.product_id
    left join promotions on read_values.promotion_id = promotions.promotion_id

),

final as (

    {{ judge(
        'rows_to_judge',
        columns,
        key,
        rules_of('store_sales_line_items', part='line_rules'),
        amount='line_item_amount_read',
        also=['key_is_taken']
    ) }}

)

select * from final
