{%- set columns = stores_columns() -%}
{%- set raw_stores = raw_table('stores') -%}

with

read_values as (

    {{ read_cells(raw_stores, columns) }}

),

repeated as (

    {{ repeated_keys(raw_stores, columns, ['store_id']) }}

),

rows_to_judge as (

    select
        read_values.*,
        repeated.key_kept_row,
        repeated.key_is_conflict
    from read_values
    left join repeated on read_values.store_id = repeated.store_id

),

final as (

    {{ judge('rows_to_judge', columns, ['store_id'], stores_rules()) }}

)

select * from final
