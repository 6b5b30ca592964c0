{{ config(
    materialized='amended_table',
    meta={'unit': 'customer_id', 'units': 'affected_customers'}
) }}
{%- set returned_line_items = line_items_of('returns') %}
{%- set seen = transactions_of_customers() %}
{#- not by its name: a CTE that is named twice is computed once, and then not in parallel #}
{%- set sold_line_items = line_items_of('(' ~ seen ~ ') as seen') %}

with

transactions as (

    {{ seen }}

),

{% if takes_points_back() -%}
-- what was bought while as much or more was returned
returns as (

    select transaction_id from transactions
    where total_amount <= 0

),

exchanges as (

    select distinct transaction_id
    from ({{ returned_line_items }}) as line_items
    where line_item_amount > 0

),

visits as (

    select
        transactions.*,
        transactions.total_amount > 0 or exchanges.transaction_id is not null as is_purchase
    from transactions
    left join exchanges on transactions.transaction_id = exchanges.transaction_id

),
{%- else -%}
visits as (

    select
        *,
        true as is_purchase
    from transactions

),
{%- endif %}

-- postage and the like are paid for, but tell nothing about what a customer likes
non_merchandise as (

    select * from {{ ref('non_merchandise') }}

),

sales as (

    {{ seen }}

),

paid_for_non_merchandise as (

    select
        sales.customer_id,
        sum(line_items.line_item_amount) as amount
    from ({{ sold_line_items }}) as line_items
    inner join non_merchandise on line_items.product_id = non_merchandise.product_id
    inner join sales on line_items.transaction_id = sales.transaction_id
    group by sales.customer_id

),

-- a guest is no customer
days as (

    select
        customer_id,
        is_purchase,
        total_amount,
        cast(transaction_date as date) as visited_on,
        lag(cast(transaction_date as date)) over (
            partition by customer_id, is_purchase
            order by cast(transaction_date as date)
        ) as previous_visit
    from visits
    where customer_id is not null

),

-- a return lowers what was spent but isn't a purchase, unless something was bought with it; several purchases on one
-- day are one visit for the gaps
purchases as (

    select
        customer_id,
        min(case when is_purchase then visited_on end) as first_transaction_date,
        max(case when is_purchase then visited_on end) as last_transaction_date,
        count(case when is_purchase then 1 end) as frequency,
        sum(total_amount) as amount,
        percentile_cont(0.5) within group (
            order by case when is_purchase then nullif({{ days_between('previous_visit', 'visited_on') }}, 0) end
        ) as median_gap
    from days
    group by customer_id
    having count(case when is_purchase then 1 end) > 0

),

final as (

    select
        purchases.customer_id,
        purchases.first_transaction_date,
        purchases.last_transaction_date,
        purchases.frequency,
        purchases.amount - coalesce(paid_for_non_merchandise.amount, 0) as monetary,
        -- one gap is no habit
        case when purchases.frequency >= 3 then cast(purchases.median_gap as {{ sql_type('numeric(10, 1)') }}) end
            as typical_days_between_purchases
    from purchases
    left join paid_for_non_merchandise on purchases.customer_id = paid_for_non_merchandise.customer_id

)

select * from final
