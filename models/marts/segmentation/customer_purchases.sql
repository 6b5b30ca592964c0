{{ config(
    materialized='amended_table',
    meta={'unit': 'customer_id', 'units': 'affected_customers'}
) }}

with

transactions as (

    {{ transactions_of_customers() }}

),

-- a return lowers what was spent but isn't a purchase; a guest's purchase belongs to no customer
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
