-- Without statistics the planner joins the days in loops.
{{ config(meta={'analyze': true}) }}

with

sales as (

    select * from {{ ref('promotion_sales') }}

),

promotions as (

    select
        promotion_id,
        start_date,
        end_date,
        case when applicable_category <> 'ALL' then applicable_category end as only_category
    from {{ ref('promotion_details') }}

),

final as (

    select distinct
        promotions.promotion_id,
        sales.store_id,
        promotions.start_date,
        promotions.end_date,
        promotions.only_category
    from sales
    inner join promotions on sales.promotion_id = promotions.promotion_id
    where
        sales.store_id is not null
        and sales.sold_on between promotions.start_date and promotions.end_date
        and sales.product_category = coalesce(promotions.only_category, sales.product_category)
        and sales.units + sales.returned_units > 0
        and {{ is_seen('sales.sold_on') }}

)

select * from final
