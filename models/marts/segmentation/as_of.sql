-- Without statistics the planner assumes thousands of rows; this one row is joined to all customers.
{{ config(meta={'analyze': true}) }}

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
        {% if setting('as_of_date') -%}
        {{ date_literal(setting('as_of_date')) }} as as_of_date,
        {%- else -%}
        coalesce(transaction_date, {{ data_cutoff_date() }}) as as_of_date,
        {%- endif %}
        {{ data_cutoff_date() }} as data_cutoff_date
    from latest

)

select * from final
