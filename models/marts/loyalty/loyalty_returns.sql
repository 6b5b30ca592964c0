{{ config(
    materialized='amended_table',
    meta={'unit': 'customer_id', 'units': 'affected_customers'}
) }}
{%- set line_items = line_items_of('transactions') %}
{%- set seen_transactions = transactions_of_customers(with_rules=true) %}
{%- set versions = ref('int_loyalty_rule_versions') %}
-- Few transactions return something; their points don't follow from their totals.
{% if not takes_points_back() %}
select
    cast(null as {{ sql_type('varchar(20)') }}) as customer_id,
    cast(null as {{ sql_type('varchar(30)') }}) as transaction_id,
    cast(null as {{ sql_type('timestamp') }}) as transaction_date,
    cast(null as {{ sql_type('numeric(10, 2)') }}) as total_amount,
    cast(null as integer) as rules_from_batch,
    cast(null as boolean) as has_sale,
    cast(null as {{ sql_type('numeric(20, 2)') }}) as sale_amount,
    cast(null as {{ sql_type('text') }}) as rule_ids,
    cast(null as bigint) as points
where false
{% else %}
with

transactions as (

    select * from ({{ seen_transactions }}) as seen
    where customer_id is not null

),

line_items as (

    {{ line_items }}

),

rule_versions as (

    select * from {{ versions }}

),

final as (

    {{ returning_transactions('transactions', 'line_items', 'rule_versions') }}

)

select * from final
{% endif %}
