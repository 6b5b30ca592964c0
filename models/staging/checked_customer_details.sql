{%- set columns = customer_details_columns() -%}
{%- set raw_customer_details = raw_table('customer_details') -%}

with

read_values as (

    {{ read_cells(raw_customer_details, columns) }}

),

repeated as (

    {{ repeated_keys(raw_customer_details, columns, ['customer_id']) }}

),

rows_to_judge as (

    select
        read_values.*,
        repeated.key_kept_row,
        repeated.key_is_conflict
    from read_values
    left join repeated on read_values.customer_id = repeated.customer_id

),

final as (

    {{ judge('rows_to_judge', columns, ['customer_id'], customer_details_rules()) }}

)

select * from final
