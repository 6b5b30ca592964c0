{{ config(meta={'unlogged': true, 'analyze': true}) }}
-- Redemptions are few beside sales, so each build judges all of them.
{%- set columns = loyalty_redemptions_columns() %}
{%- set rows = raw_rows('loyalty_redemptions', columns) %}

with

customer_keys as (

    {{ parent_keys(ref('checked_customer_details'), 'customer_id') }}

),

-- several rows may share a key; the one that speaks for it is valid if any of them is
transactions as (

    select * from {{ ref('checked_store_sales_header') }}
    where speaks_for_key

),

read_values as (

    {{ read_cells(rows, columns) }}

),

key_conflicts as (

    {{ key_conflicts_of_facts(rows, columns, key_of('loyalty_redemptions'), redemption_rules_of_row()) }}

),

rows_to_judge as (

    select
        read_values.*,
        key_conflicts.key_is_copy,
        key_conflicts.key_is_conflict,
        customer_keys.is_valid as customer_id_parent_is_valid,
        transactions.is_valid as transaction_id_parent_is_valid,
        transactions.customer_id as transaction_customer_id
    from read_values
    left join key_conflicts on read_values.source_row_number = key_conflicts.source_row_number
    left join customer_keys on read_values.customer_id = customer_keys.customer_id
    left join transactions on {{ is_same_transaction('read_values', 'transactions') }}

),

final as (

    {{ judge('rows_to_judge', columns, key_of('loyalty_redemptions'), redemption_rules_of_row()) }}

)

select * from final
