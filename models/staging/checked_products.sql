{%- set columns = products_columns() -%}
{%- set raw_products = raw_table('products') -%}

with

read_values as (

    {{ read_cells(raw_products, columns) }}

),

repeated as (

    {{ repeated_keys(raw_products, columns, ['product_id']) }}

),

rows_to_judge as (

    select
        read_values.*,
        repeated.key_kept_row,
        repeated.key_is_conflict
    from read_values
    left join repeated on read_values.product_id = repeated.product_id

),

final as (

    {{ judge('rows_to_judge', columns, ['product_id'], products_rules()) }}

)

select * from final
