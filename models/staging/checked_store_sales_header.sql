{%- set columns = store_sales_header_columns() -%}
{%- set raw_store_sales_header = raw_table('store_sales_header') -%}

with

-- an exact copy of a line neither counts nor spoils
line_items as (

    select * from {{ ref('prechecked_store_sales_line_items') }}
    where not {{ has_label('failed_rules', "'line_item_id_duplicate'") }}

),

rejected_line_items as (

    select * from {{ ref('prechecked_store_sales_line_items') }}
    where
        not is_valid
        and not {{ has_label('failed_rules', "'line_item_id_duplicate'") }}

),

stores as (

    select * from {{ ref('checked_stores') }}

),

customer_keys as (

    {{ parent_keys(ref('checked_customer_details'), 'customer_id') }}

),

store_keys as (

    {{ parent_keys('stores', 'store_id') }}

),

opening_dates as (

    select
        store_id,
        opening_date
    from stores
    where is_valid

),

-- a sum with an unreadable amount in it is no sum
lines as (

    select
        transaction_id,
        count(*) as lines_count,
        bool_or(quantity < 0) as lines_have_return,
        case when count(*) = count(amount_at_stake) then sum(amount_at_stake) end as lines_amount
    from line_items
    group by transaction_id

),

lines_at_fault as (

    select
        transaction_id,
        {{ join_texts("'store_sales_line_items:' || record_key") }} as lines_at_fault
    from rejected_line_items
    group by transaction_id

),

read_values as (

    {{ read_cells(raw_store_sales_header, columns) }}

),

repeated as (

    {{ repeated_keys(raw_store_sales_header, columns, key_of('store_sales_header')) }}

),

rows_to_judge as (

    select
        read_values.*,
        repeated.key_kept_row,
        repeated.key_is_conflict,
        customer_keys.is_valid as customer_id_parent_is_valid,
        store_keys.is_valid as store_id_parent_is_valid,
        opening_dates.opening_date as store_opening_date,
        lines.lines_count,
        lines.lines_amount,
        lines.lines_have_return,
        lines_at_fault.lines_at_fault
    from read_values
    left join repeated on read_values.transaction_id = repeated.transaction_id
    left join customer_keys on read_values.customer_id = customer_keys.customer_id
    left join store_keys on read_values.store_id = store_keys.store_id
    left join opening_dates on read_values.store_id = opening_dates.store_id
    left join lines on read_values.transaction_id = lines.transaction_id
    left join lines_at_fault on read_values.transaction_id = lines_at_fault.transaction_id

),

final as (

    {{ judge(
        'rows_to_judge',
        columns,
        key_of('store_sales_header'),
        rules_of('store_sales_header'),
        amount='total_amount_read'
    ) }}

)

select * from final
