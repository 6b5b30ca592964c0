{{ config(
    materialized='amended_table',
    meta={'unit': 'customer_id', 'units': 'affected_customers'}
) }}
{%- set returned_line_items = line_items_of('returns') %}

with

transactions as (

    {{ transactions_of_customers() }}

),

{% if takes_points_back() -%}
-- what was bought while as much or more was returned
returns as (

    select transaction_id from transactions
    where total_amount <= 0

),

exchanges as (

    select distinct transaction_id
    from ({{ returned_line_items }}) as line_items
    where line_item_amount > 0

),

visits as (

    select
        transactions.*,
        transactions.total_amount > 0 or exchanges.transaction_id is not null as is_purchase
    from transactions
    left join exchanges on transactions.transaction_id = exchanges.transaction_id

),
{%- else -%}
visits as (

    select
        *,
        true as is_purchase
    from transactions

),
{%- endif %}

-- a return lowers what was spent but isn't a purchase, unless something was bought with it; a guest is no customer
final as (

    select
        customer_id,
        cast(max(case when is_purchase then transaction_date end) as date) as last_transaction_date,
        count(case when is_purchase then 1 end) as frequency,
        sum(total_amount) as monetary
    from visits
    where customer_id is not null
    group by customer_id
    having count(case when is_purchase then 1 end) > 0

)

select * from final
