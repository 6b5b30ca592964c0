-- Without statistics the planner joins the days in loops.
{{ config(meta={'analyze': true}) }}

with

sales as (

    select * from {{ ref('promotion_sales') }}

),

-- what was sold; what came back was sold on other days
final as (

    select
        store_id,
        product_category,
        sold_on,
        cast(sum(units + returned_units) as bigint) as units,
        cast(sum(case when promotion_id is not null then units + returned_units else 0 end) as bigint)
            as promoted_units,
        sum(revenue + returned_revenue) as revenue
    from sales
    where
        store_id is not null
        and product_category is not null
        and {{ is_seen('sold_on') }}
    group by store_id, product_category, sold_on

)

select * from final
