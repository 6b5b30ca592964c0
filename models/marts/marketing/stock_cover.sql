{%- set days = setting('stock_cover_days') %}
with

product_days as (

    select * from {{ ref('int_product_days') }}

),

products as (

    select * from {{ ref('products') }}

),

as_of as (

    select * from {{ ref('as_of') }}

),

sold as (

    select
        product_days.product_id,
        cast(sum(product_days.units) as bigint) as units,
        cast(sum(product_days.revenue) as decimal(20, 2)) as revenue
    from product_days
    inner join as_of
        on product_days.sold_on between {{ days_after('as_of.as_of_date', 1 - days) }} and as_of.as_of_date
    group by product_days.product_id

),

top_products as (

    select
        product_id,
        revenue
    from sold
    order by
        revenue desc,
        {{ by_code_point('product_id') }}
    limit {{ setting('top_products') }}

),

ranked as (

    select
        product_id,
        cast(row_number() over (order by revenue desc, {{ by_code_point('product_id') }}) as integer) as revenue_rank
    from top_products

),

final as (

    select
        products.product_id,
        products.product_name,
        products.product_category,
        ranked.revenue_rank,
        coalesce(sold.units, 0) as units,
        cast(coalesce(sold.revenue, 0) as decimal(20, 2)) as revenue,
        round({{ settled(as_float('coalesce(sold.units, 0)') ~ ' / ' ~ days) }}, 4) as units_per_day,
        products.current_stock_level,
        round({{ settled(as_float('products.current_stock_level') ~ ' * ' ~ days ~ ' / sold.units') }}, 1)
            as days_of_stock,
        case
            when products.current_stock_level is null then 'no days_of_stock: the stock is unknown'
            when sold.units is null
                then 'no days_of_stock: nothing was sold in the last {{ days }} days'
        end as why_not
    from products
    left join sold on products.product_id = sold.product_id
    left join ranked on products.product_id = ranked.product_id

)

select * from final
