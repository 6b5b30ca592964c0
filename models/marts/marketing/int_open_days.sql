-- Without statistics the planner joins the days in loops.
{{ config(meta={'analyze': true}) }}

with

product_days as (

    select * from {{ ref('int_product_days') }}

),

days as (

    select distinct
        store_id,
        sold_on as open_on
    from product_days

),

final as (

    select
        store_id,
        open_on,
        cast(row_number() over (partition by store_id order by open_on) as integer) as day_number
    from days

)

select * from final
