{{ config(
    materialized='amended_table',
    meta={'unit': 'customer_id', 'units': 'affected_customers'}
) }}
{% if var('raw_layer') == 'landing' -%}
-- depends_on: {{ ref('affected_transactions') }}
-- depends_on: {{ ref('affected_customers') }}
-- depends_on: {{ ref('checked_store_sales_header') }}
{%- endif %}

with

transactions as (

    select * from {{ transactions_of_customers() }} as transactions

),

-- a return lowers what was spent, but it is no purchase; guests are nobody's purchases
final as (

    select
        customer_id,
        cast(max(case when total_amount > 0 then transaction_date end) as date) as last_transaction_date,
        count(case when total_amount > 0 then 1 end) as frequency,
        sum(total_amount) as monetary
    from transactions
    where customer_id is not null
    group by customer_id
    having count(case when total_amount > 0 then 1 end) > 0

)

select * from final
