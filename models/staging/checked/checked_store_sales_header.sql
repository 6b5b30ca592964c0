{{ config(
    materialized='amended_table',
    indexes=[{'columns': [key_hash(['transaction_id'])]}],
    meta={
        'unit': 'transaction_id',
        'units': 'affected_transactions',
        'partial_indexes': [
            {'column': 'warned_rules', 'where': "is_valid and warned_rules <> ''"},
            {'column': 'transaction_date', 'where': 'is_valid'},
        ],
    }
) }}
{%- set columns = store_sales_header_columns() -%}
{%- set key = key_of('store_sales_header') -%}
{%- set raw_rows = facts_to_read('store_sales_header') %}

{% if var('raw_layer') == 'landing' -%}
-- depends_on: {{ ref('affected_transactions') }}
{%- endif %}

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

    {{ read_cells(raw_rows ~ ' as raw', columns) }}

),

repeated as (

    select * from {{ ref('int_headers_key_conflicts') }}

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
        {%- if lands() %}
        coalesce(closed.lines_count, lines.lines_count) as lines_count,
        coalesce(closed.lines_amount, lines.lines_amount) as lines_amount,
        coalesce(closed.lines_have_return, lines.lines_have_return) as lines_have_return,
        case when closed.transaction_id is null then lines.lines_at_fault end as lines_at_fault,
        closed.closed_through_file_id
        {%- else %}
        lines.lines_count,
        lines.lines_amount,
        lines.lines_have_return,
        lines.lines_at_fault,
        cast(null as integer) as closed_through_file_id
        {%- endif %}
    from read_values
    left join repeated on read_values.source_row_number = repeated.source_row_number
    left join customer_keys on read_values.customer_id = customer_keys.customer_id
    left join store_keys on read_values.store_id = store_keys.store_id
    left join opening_dates on read_values.store_id = opening_dates.store_id
    left join {{ nameable(ref('int_transactions_line_totals')) }} as lines on read_values.transaction_id = lines.transaction_id
    {%- if lands() %}
    left join {{ nameable(ref('int_transactions_completed')) }} as closed on read_values.transaction_id = closed.transaction_id
    {%- endif %}

),

final as (

    {{ judge(
        'rows_to_judge',
        columns,
        key,
        rules_of('store_sales_header'),
        amount='total_amount_read',
        also=['key_is_taken', 'speaks_for_key', 'closed_through_file_id']
    ) }}

)

select * from final
