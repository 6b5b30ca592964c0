with

customers as (

    select * from {{ ref('stg_customer_details') }}

),

balances as (

    select * from {{ ref('loyalty_balances') }}

),

customer_rfm as (

    select * from {{ ref('customer_rfm') }}

),

as_of as (

    select * from {{ ref('as_of') }}

),

segments as (

    select * from {{ ref('segments') }}

),

-- ranks are counted, as in customer_rfm, because ordering all customers doesn't fit into one task
worths as (

    select
        'M' as dimension,
        monetary as worth,
        count(*) as customers
    from customer_rfm
    group by monetary

),

mid_ranks as (
    {{ mid_ranks('worths') }}
),

high_spenders as (

    select min(worth) as lowest_monetary
    from mid_ranks
    where
        {{ is_among_high_spenders('(buyers - customers_below - customers)', 'buyers') }}
        and worth > 0

),

flagged as (

    select
        customers.customer_id,
        customer_rfm.recency_days,
        customer_rfm.frequency,
        customer_rfm.monetary,
        customer_rfm.r_score,
        customer_rfm.f_score,
        customer_rfm.m_score,
        customer_rfm.rfm_segment,
        greatest(
            {%- if setting('as_of_date') %}
            case when {{ is_seen('customers.last_purchase_date') }} then customers.last_purchase_date end,
            {%- else %}
            customers.last_purchase_date,
            {%- endif %}
            customer_rfm.last_transaction_date
        ) as last_purchase_date,
        as_of.as_of_date,
        balances.total_loyalty_points,
        coalesce(customer_rfm.monetary >= high_spenders.lowest_monetary, false) as is_high_spender
    from customers
    cross join as_of
    cross join high_spenders
    inner join balances on customers.customer_id = balances.customer_id
    left join customer_rfm on customers.customer_id = customer_rfm.customer_id

),

lapsed as (

    select
        *,
        {{ days_between('last_purchase_date', 'as_of_date') }} as days_since_last_purchase
    from flagged

),

decided as (

    select
        *,
        {{ is_at_risk('days_since_last_purchase', 'total_loyalty_points') }} as is_at_risk
    from lapsed

),

-- every segment that a customer belongs to; the first by priority gives the label
memberships as (

    select
        decided.customer_id,
        min(segments.priority) as priority
    from decided
    inner join segments on {{ belongs_to_segment('segments.segment_id') }}
    group by decided.customer_id

),

final as (

    select
        decided.customer_id,
        segments.segment_id,
        decided.is_high_spender,
        decided.is_at_risk,
        decided.last_purchase_date,
        decided.days_since_last_purchase,
        decided.recency_days,
        decided.frequency,
        decided.monetary,
        decided.r_score,
        decided.f_score,
        decided.m_score,
        decided.rfm_segment
    from decided
    inner join memberships on decided.customer_id = memberships.customer_id
    inner join segments on memberships.priority = segments.priority

)

select * from final
