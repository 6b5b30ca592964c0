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

with_returned_lines as (

    select distinct transaction_id
    from line_items
    where {{ is_returned_line() }}

),

returns as (

    select transactions.*
    from transactions
    left join with_returned_lines on transactions.transaction_id = with_returned_lines.transaction_id
    where
        with_returned_lines.transaction_id is not null
        or transactions.total_amount < 0

),

-- what was bought with it
sales as (

    select
        line_items.transaction_id,
        cast(sum(line_items.line_item_amount) as {{ sql_type('numeric(20, 2)') }}) as sale_amount
    from line_items
    inner join with_returned_lines on line_items.transaction_id = with_returned_lines.transaction_id
    where not {{ is_returned_line('line_items.') }}
    group by line_items.transaction_id

),

amounts as (

    select distinct
        sales.sale_amount as total_amount,
        returns.rules_from_batch
    from returns
    inner join sales on returns.transaction_id = sales.transaction_id

),

points_of_amounts as (

    {{ price_amounts('amounts', 'rule_versions') }}

),

final as (

    select
        returns.customer_id,
        returns.transaction_id,
        returns.transaction_date,
        returns.total_amount,
        returns.rules_from_batch,
        sales.transaction_id is not null as has_sale,
        sales.sale_amount,
        points_of_amounts.rule_ids,
        points_of_amounts.points
    from returns
    left join sales on returns.transaction_id = sales.transaction_id
    left join points_of_amounts
        on
            sales.sale_amount = points_of_amounts.total_amount
            and returns.rules_from_batch = points_of_amounts.rules_from_batch

)

select * from final
{% endif %}
