{{ config(
    materialized='amended_table',
    meta={
        'unit': 'source_row_number',
        'follows_repairs': true,
        'partial_indexes': [{'column': 'source_row_number', 'where': 'not is_valid'}],
    }
) }}
-- A build judges new rows, those that share a key with them, and rejected ones, whose parent or day may have come.
{%- set columns = inventory_levels_columns() %}
{%- set key = key_of('inventory_levels') %}
{%- set affected %}
    select source_row_number from {{ this }}
    where
        record_key in (
            select record_key from {{ this }}
            where not is_valid
            union
            select {{ record_key([read_text('stock_date'), read_text('store_id'), read_text('product_id')]) }}
            from {{ raw_table('inventory_levels') }}
            where source_row_number >= {{ new_rows_from(this.identifier) }}
        )
{%- endset %}
{%- set rows = rows_to_read('inventory_levels', columns, affected) %}

with

product_keys as (

    {{ parent_keys(ref('checked_products'), 'product_id') }}

),

store_keys as (

    {{ parent_keys(ref('checked_stores'), 'store_id') }}

),

read_values as (

    {{ read_cells(rows, columns) }}

),

key_conflicts as (

    {{ key_conflicts_of_facts(rows, columns, key, inventory_levels_rules(), large_groups=true) }}

),

rows_to_judge as (

    select
        read_values.*,
        key_conflicts.key_is_copy,
        key_conflicts.key_is_conflict,
        product_keys.is_valid as product_id_parent_is_valid,
        store_keys.is_valid as store_id_parent_is_valid
    from read_values
    left join key_conflicts on read_values.source_row_number = key_conflicts.source_row_number
    left join product_keys on read_values.product_id = product_keys.product_id
    left join store_keys on read_values.store_id = store_keys.store_id

),

final as (

    {{ judge('rows_to_judge', columns, key, inventory_levels_rules()) }}

)

select * from final
