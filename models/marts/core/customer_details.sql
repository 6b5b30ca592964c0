{{ config(materialized='amended_table', meta={'merge_on': 'customer_id'}) }}

with

customers as (

    select * from {{ ref('stg_customer_details') }}

),

balances as (

    select * from {{ ref('loyalty_balances') }}

),

segments as (

    select * from {{ ref('customer_segments') }}

),

final as (

    select
        customers.customer_id,
        customers.first_name,
        customers.email,
        customers.loyalty_status,
        balances.total_loyalty_points,
        segments.last_purchase_date,
        segments.segment_id
    from customers
    inner join balances on customers.customer_id = balances.customer_id
    inner join segments on customers.customer_id = segments.customer_id

)

select * from final
