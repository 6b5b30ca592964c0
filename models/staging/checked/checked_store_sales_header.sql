{{ config(
    materialized='amended_table',
    indexes=[{'columns': [key_hash(['transaction_id'])]}],
    meta={
        'unit': 'transaction_id',
        'units': 'affected_transactions',
        'partial_indexes': [
            {'column': 'warned_rules', 'where': "is_valid and warned_rules <> ''"},
            {'column': 'transaction_date', 'where': 'is_valid'},
            {'column': 'source_row_number', 'where': 'not is_valid'},
        ],
    }
) }}
{%- set columns = store_sales_header_columns() %}

with

customer_keys as (

    {{ parent_keys(ref('checked_customer_details'), 'customer_id') }}

),

store_keys as (

    {{ parent_keys(ref('checked_stores'), 'store_id') }}

),

opening_dates as (

    select
        store_id,
        opening_date
    from {{ ref('checked_stores') }}
    where is_valid

),

read_values as (

    {{ read_cells(facts_to_read('store_sales_header', columns), columns) }}

),

key_conflicts as (

    select * from {{ ref('int_headers_key_conflicts') }}

),

line_totals as (

    select * from {{ ref('int_transactions_line_totals') }}

),

-- what is delivered for a completed transaction later changes nothing
completed as (

    {{ completed_transactions() }}

),

rows_to_judge as (

    select
        read_values.source_row_number,
        read_values.file_id,
        read_values.transaction_id,
        case
            when read_values.customer_id is not null then read_values.customer_id
            when customer_keys.is_valid then key_conflicts.claimed_customer_id
        end as customer_id,
        read_values.store_id,
        read_values.transaction_date_text,
        read_values.transaction_date_read,
        read_values.total_amount_text,
        read_values.total_amount_read,
        key_conflicts.key_is_copy,
        key_conflicts.key_is_conflict,
        coalesce(key_conflicts.key_is_taken, false) as key_is_taken,
        coalesce(key_conflicts.speaks_for_key, true) as speaks_for_key,
        customer_keys.is_valid as customer_id_parent_is_valid,
        store_keys.is_valid as store_id_parent_is_valid,
        opening_dates.opening_date as store_opening_date,
        coalesce(completed.lines_count, line_totals.lines_count) as lines_count,
        coalesce(completed.lines_amount, line_totals.lines_amount) as lines_amount,
        coalesce(completed.lines_have_return, line_totals.lines_have_return) as lines_have_return,
        case when completed.transaction_id is null then line_totals.lines_at_fault end as lines_at_fault,
        completed.closed_through_file_id
    from read_values
    left join key_conflicts on read_values.source_row_number = key_conflicts.source_row_number
    -- a guest's sale that a later delivery claims for a valid customer is that customer's
    left join customer_keys
        on coalesce(read_values.customer_id, key_conflicts.claimed_customer_id) = customer_keys.customer_id
    left join store_keys on read_values.store_id = store_keys.store_id
    left join opening_dates on read_values.store_id = opening_dates.store_id
    left join line_totals on read_values.transaction_id = line_totals.transaction_id
    left join completed on read_values.transaction_id = completed.transaction_id

),

final as (

    {{ judge(
        'rows_to_judge',
        columns,
        key_of('store_sales_header'),
        store_sales_header_rules(),
        amount='total_amount_read',
        also=['key_is_taken', 'speaks_for_key', 'closed_through_file_id']
    ) }}

)

select * from final
