{{ config(
    materialized='amended_table',
    meta={'unit': 'customer_id', 'units': 'affected_customers'}
) }}
{%- set line_items_of_transactions = line_items_of('transactions') %}
{%- set seen_transactions = transactions_of_customers(with_rules=true) %}
{%- set returns = rows_of_affected_customers(ref('loyalty_returns')) %}
{%- set versions = ref('int_loyalty_rule_versions') %}
{% if not takes_points_back() %}
select
    cast(null as {{ sql_type('varchar(20)') }}) as customer_id,
    cast(null as {{ sql_type('varchar(30)') }}) as transaction_id,
    cast(null as {{ sql_type('timestamp') }}) as transaction_date,
    cast(null as {{ sql_type('varchar(30)') }}) as purchase_id,
    cast(null as {{ sql_type('timestamp') }}) as purchase_date,
    cast(null as {{ sql_type('text') }}) as rule_ids,
    cast(null as integer) as rules_from_batch,
    cast(null as bigint) as points_due
where false
{% else %}
with

returns as (

    {{ returns }}

),

rule_versions as (

    select * from {{ versions }}

),

-- all transactions of the customers who return something
transactions as (

    select
        seen.*,
        returns.transaction_id is not null as is_return,
        coalesce(returns.sale_amount, case when returns.transaction_id is null then seen.total_amount end) as sale_amount
    from ({{ seen_transactions }}) as seen
    left join returns on seen.transaction_id = returns.transaction_id
    where seen.customer_id in (select customer_id from returns)

),

line_items as (

    {{ line_items_of_transactions }}

),

final as (

    {{ points_to_take_back('returns', 'transactions', 'line_items', 'rule_versions') }}

)

select * from final
{% endif %}
