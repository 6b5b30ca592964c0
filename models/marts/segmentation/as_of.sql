-- Without statistics the planner assumes thousands of rows; this one row is joined to all customers.
{{ config(meta={'analyze': true}) }}
{%- do affected_customers() %}{# which compares with the last as-of date #}

with

transactions as (

    select * from {{ ref('stg_store_sales_header') }}

),

latest as (

    select cast(max(transaction_date) as date) as transaction_date
    from transactions

),

final as (

    select
        {{ as_of_date('transaction_date') }} as as_of_date,
        {{ data_cutoff_date() }} as data_cutoff_date
    from latest

)

select * from final
