{{ config(
    materialized='delta',
    indexes=[{'columns': ['transaction_id']}],
    meta={
        'unit': 'transaction_id',
        'units': 'touched_transactions',
        'partial_indexes': [
            {'column': 'warned_rules', 'where': "is_valid and warned_rules <> ''"},
            {'column': 'customer_id', 'where': 'is_valid'},
            {'column': 'transaction_date', 'where': 'is_valid'},
        ],
    }
) }}
{%- set columns = store_sales_header_columns() -%}
{%- set key = key_of('store_sales_header') -%}
{%- set raw_rows = rows_to_read(
    'store_sales_header', 'select * from ' ~ touched_rows(this) ~ ' as touched' if amends()
) -%}

{% if var('raw_layer') == 'landing' -%}
-- depends_on: {{ ref('touched_transactions') }}
{%- endif %}

with

-- a copy of a line, or another statement of it, neither counts nor spoils
line_items as (

    select * from {{ ref('prechecked_store_sales_line_items') }}
    where not key_is_taken

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

read_values as (

    {{ read_cells(raw_rows ~ ' as raw', columns) }}

),

repeated as (

    {{ repeated_facts(raw_rows, columns, key, rules_of('store_sales_header')) }}

),

-- a sum with an unreadable amount in it is no sum
lines_of_transactions as (

    select
        transaction_id,
        count(*) as lines_count,
        bool_or(quantity < 0) as lines_have_return,
        case when count(*) = count(amount_at_stake) then sum(amount_at_stake) end as lines_amount,
        min(file_id) <> max(file_id) as came_in_parts
    from line_items
    group by transaction_id

),
{% if lands() %}
-- a transaction is closed by the first delivery that makes it whole: what is delivered for it later changes nothing
closed as (

    {{ closed_transactions('lines_of_transactions', 'line_items', 'read_values', 'repeated') }}

),
{% else %}
closed as (

    select
        lines_of_transactions.*,
        cast(null as integer) as closed_in_batch
    from lines_of_transactions
    where false

),
{% endif %}
lines as (

    select
        whole.transaction_id,
        coalesce(closed.lines_count, whole.lines_count) as lines_count,
        coalesce(closed.lines_have_return, whole.lines_have_return) as lines_have_return,
        coalesce(closed.lines_amount, whole.lines_amount) as lines_amount,
        closed.closed_in_batch
    from lines_of_transactions as whole
    left join closed on whole.transaction_id = closed.transaction_id

),

lines_at_fault as (

    select
        line_items.transaction_id,
        {{ join_texts("'store_sales_line_items:' || line_items.record_key") }} as lines_at_fault
    from line_items
    left join closed on line_items.transaction_id = closed.transaction_id
    where
        not line_items.is_valid
        and closed.transaction_id is null
    group by line_items.transaction_id

),

rows_to_judge as (

    select
        read_values.*,
        repeated.key_is_copy,
        repeated.key_is_conflict,
        coalesce(repeated.key_is_taken, false) as key_is_taken,
        coalesce(repeated.speaks_for_key, true) as speaks_for_key,
        customer_keys.is_valid as customer_id_parent_is_valid,
        store_keys.is_valid as store_id_parent_is_valid,
        opening_dates.opening_date as store_opening_date,
        lines.lines_count,
        lines.lines_amount,
        lines.lines_have_return,
        lines.closed_in_batch,
        lines_at_fault.lines_at_fault
    from read_values
    left join repeated on read_values.source_row_number = repeated.source_row_number
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
        key,
        rules_of('store_sales_header'),
        amount='total_amount_read',
        also=['key_is_taken', 'speaks_for_key', 'closed_in_batch']
    ) }}

)

select * from final
