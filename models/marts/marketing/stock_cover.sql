{%- set days = setting('stock_cover_days') %}
with

product_days as (

    select * from {{ ref('int_product_days') }}

),

products as (

    select * from {{ ref('products') }}

),

levels as (

    select * from {{ ref('inventory_levels') }}

),

as_of as (

    select * from {{ ref('as_of') }}

),

counted as (

    select
        levels.*,
        row_number() over (partition by levels.store_id, levels.product_id order by levels.stock_date desc) as place
    from levels
    inner join as_of
        on levels.stock_date between {{ days_after('as_of.as_of_date', 1 - days) }} and as_of.as_of_date

),

last_counts as (

    select * from counted
    where place = 1

),

sold as (

    select
        product_days.product_id,
        cast(sum(product_days.units) as bigint) as units,
        cast(sum(product_days.revenue) as decimal(20, 2)) as revenue,
        count(case when last_counts.store_id is null then 1 end) as days_uncounted
    from product_days
    inner join as_of
        on product_days.sold_on between {{ days_after('as_of.as_of_date', 1 - days) }} and as_of.as_of_date
    left join last_counts
        on
            product_days.store_id = last_counts.store_id
            and product_days.product_id = last_counts.product_id
    group by product_days.product_id

),

-- only if no store that sells the product is missing
stock_levels as (

    select
        last_counts.product_id,
        cast(sum(last_counts.stock_level) as bigint) as stock_level
    from last_counts
    left join sold on last_counts.product_id = sold.product_id
    where coalesce(sold.days_uncounted, 0) = 0
    group by last_counts.product_id

),

stocks as (

    select
        products.*,
        coalesce(stock_levels.stock_level, products.current_stock_level) as stock_level,
        case
            when stock_levels.product_id is not null then 'stock file'
            when products.current_stock_level is not null then 'product file'
        end as stock_basis
    from products
    left join stock_levels on products.product_id = stock_levels.product_id

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
        stocks.product_id,
        stocks.product_name,
        stocks.product_category,
        ranked.revenue_rank,
        coalesce(sold.units, 0) as units,
        cast(coalesce(sold.revenue, 0) as decimal(20, 2)) as revenue,
        round({{ settled(as_float('coalesce(sold.units, 0)') ~ ' / ' ~ days) }}, 4) as units_per_day,
        stocks.stock_level as current_stock_level,
        stocks.stock_basis,
        round({{ settled(as_float('stocks.stock_level') ~ ' * ' ~ days ~ ' / sold.units') }}, 1)
            as days_of_stock,
        case
            when stocks.stock_level is null then 'no days_of_stock: the stock is unknown'
            when sold.units is null
                then 'no days_of_stock: nothing was sold in the last {{ days }} days'
        end as why_not
    from stocks
    left join sold on stocks.product_id = sold.product_id
    left join ranked on stocks.product_id = ranked.product_id

)

select * from final
