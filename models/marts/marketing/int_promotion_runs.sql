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

    select
        promotions.promotion_id,
        sales.product_category,
        sales.store_id,
        promotions.start_date,
        promotions.end_date,
        promotions.only_category,
        max(sales.units + sales.returned_units) > 0 as has_sold,
        sum(sales.full_price_value) as full_price_value,
        sum(sales.discount_given) as discount_given
    from sales
    inner join promotions on sales.promotion_id = promotions.promotion_id
    where
        sales.sold_on between promotions.start_date and promotions.end_date
        and sales.product_category = coalesce(promotions.only_category, sales.product_category)
        and {{ is_seen('sales.sold_on') }}
    group by
        promotions.promotion_id,
        sales.product_category,
        sales.store_id,
        promotions.start_date,
        promotions.end_date,
        promotions.only_category

)

select * from final
