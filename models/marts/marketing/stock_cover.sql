{%- set days = setting('stock_cover_days') %}
with

line_items as (

    select * from {{ ref('store_sales_line_items') }}

),

headers as (

    select * from {{ ref('store_sales_header') }}

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

-- not from the CTE as_of: what joins a CTE that is named twice doesn't run in parallel
last_days as (

    select
        {{ days_after('as_of_date', 1 - days) }} as first_day,
        as_of_date as last_day
    from {{ ref('as_of') }}

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

sold_by_stores as (

    select
        headers.store_id,
        line_items.product_id,
        sum(line_items.quantity) as units,
        sum(line_items.line_item_amount) as revenue
    from line_items
    inner join headers on line_items.transaction_id = headers.transaction_id
    inner join last_days on cast(headers.transaction_date as date) between last_days.first_day and last_days.last_day
    where
        line_items.quantity > 0
        and headers.store_id is not null
    group by headers.store_id, line_items.product_id

),

sold as (

    select
        sold_by_stores.product_id,
        cast(sum(sold_by_stores.units) as bigint) as units,
        cast(sum(sold_by_stores.revenue) as decimal(20, 2)) as revenue,
        count(case when last_counts.store_id is null then 1 end) as stores_uncounted
    from sold_by_stores
    left join last_counts
        on
            sold_by_stores.store_id = last_counts.store_id
            and sold_by_stores.product_id = last_counts.product_id
    group by sold_by_stores.product_id

),

-- only if no store that sells the product is missing
stock_levels as (

    select
        last_counts.product_id,
        cast(sum(last_counts.stock_level) as bigint) as stock_level
    from last_counts
    left join sold on last_counts.product_id = sold.product_id
    where coalesce(sold.stores_uncounted, 0) = 0
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
