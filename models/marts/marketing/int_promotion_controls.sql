{%- set days_before = measured_windows().baseline %}
with

stores as (

    select * from {{ ref('int_promotion_stores') }}

),

runs as (

    select * from {{ ref('int_promotion_runs') }}
    where has_sold

),

category_days as (

    select * from {{ ref('int_category_days') }}

),

categories_of_stores as (

    select distinct
        store_id,
        product_category
    from category_days

),

candidates as (

    select distinct
        stores.promotion_id,
        stores.product_category,
        categories_of_stores.product_category as control_category
    from stores
    inner join categories_of_stores on stores.store_id = categories_of_stores.store_id
    where categories_of_stores.product_category <> stores.product_category

),

-- which promotions ran in the stores meanwhile, on one category or on all; the promotion itself is among them
promoted as (

    select distinct
        stores.promotion_id,
        stores.product_category,
        runs.only_category
    from stores
    inner join runs
        on
            stores.store_id = runs.store_id
            and stores.end_date >= runs.start_date
            and {{ days_after('stores.start_date', -days_before) }} <= runs.end_date

),

final as (

    select
        candidates.promotion_id,
        candidates.product_category,
        candidates.control_category
    from candidates
    left join promoted
        on
            candidates.promotion_id = promoted.promotion_id
            and candidates.product_category = promoted.product_category
            and coalesce(candidates.control_category = promoted.only_category, true)
    where promoted.promotion_id is null

)

select * from final
