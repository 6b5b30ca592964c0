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

non_merchandise as (

    select * from {{ ref('non_merchandise') }}

),

merchandise as (

    select products.*
    from products
    left join non_merchandise on products.product_id = non_merchandise.product_id
    where products.product_category is not null and non_merchandise.product_id is null

),

-- what was bought; that some of it came back does not change what the customer likes
bought as (

    select
        headers.customer_id,
        merchandise.product_category,
        cast(count(*) as bigint) as line_items,
        cast(sum(line_items.quantity) as bigint) as units,
        cast(sum(line_items.line_item_amount) as decimal(20, 2)) as spend
    from line_items
    inner join headers on line_items.transaction_id = headers.transaction_id
    inner join merchandise on line_items.product_id = merchandise.product_id
    where
        line_items.quantity > 0
        and headers.customer_id is not null
        and {{ is_seen('headers.transaction_date') }}
    group by headers.customer_id, merchandise.product_category

),

customers as (

    select
        customer_id,
        cast(sum(line_items) as bigint) as line_items,
        cast(sum(units) as bigint) as units
    from bought
    group by customer_id

),

categories as (

    select
        product_category,
        cast(sum(units) as bigint) as units
    from bought
    group by product_category

),

everything as (

    select cast(sum(units) as bigint) as units from categories

),

usual as (

    select
        categories.product_category,
        {{ share_of('categories.units', 'everything.units') }} as usual_share
    from categories
    cross join everything
    {{ evaluate_once() }}

),

shares as (

    select
        bought.*,
        customers.line_items as all_line_items,
        {{ share_of('bought.units', 'customers.units') }} as share,
        usual.usual_share
    from bought
    inner join customers on bought.customer_id = customers.customer_id
    inner join usual on bought.product_category = usual.product_category
    {{ evaluate_once() }}

),

affinities as (

    select
        *,
        round({{ settled(
            '(all_line_items * ' ~ as_float('share') ~ ' + ' ~ setting('affinity_prior_lines') ~ ' * ' ~ as_float('usual_share')
            ~ ') / nullif((all_line_items + ' ~ setting('affinity_prior_lines') ~ ') * ' ~ as_float('usual_share') ~ ', 0)'
        ) }}, 4) as affinity
    from shares
    {{ evaluate_once() }}

),

final as (

    select
        customer_id,
        product_category,
        line_items,
        units,
        spend,
        share,
        usual_share,
        affinity,
        coalesce(
            affinity >= {{ setting('favourite_min_affinity') }}
            and line_items >= {{ setting('favourite_min_lines') }},
            false
        ) as is_favourite
    from affinities

)

select * from final
