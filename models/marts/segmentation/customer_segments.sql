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

purchases as (

    select * from {{ ref('customer_purchases') }}

),

rejected_transactions as (

    select * from {{ ref('rejected_transactions') }}

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

-- a date that is not readable, or in the future, says nothing; the transaction counts all the same
seen_rejects as (

    select
        rejected_transactions.customer_id,
        rejected_transactions.total_amount,
        case
            when cast(rejected_transactions.transaction_date as date) <= as_of.data_cutoff_date
                then cast(rejected_transactions.transaction_date as date)
        end as held_back_on
    from rejected_transactions
    cross join as_of
    {%- if setting('as_of_date') %}
    where rejected_transactions.transaction_date is null or {{ is_seen('rejected_transactions.transaction_date') }}
    {%- endif %}

),

held_back as (

    select
        customer_id,
        count(*) as held_back_transactions,
        sum(total_amount) as held_back_amount,
        sum(case when total_amount < 0 then total_amount end) as held_back_returns,
        max(held_back_on) as last_held_back_date,
        max(case when coalesce(total_amount, 1) > 0 then held_back_on end) as last_held_back_purchase
    from seen_rejects
    group by customer_id

),

known_dates as (

    select
        customer_id,
        {% if setting('as_of_date') -%}
        case when {{ is_seen('last_purchase_date') }} then last_purchase_date end as last_date_of_source
        {%- else -%}
        last_purchase_date as last_date_of_source
        {%- endif %}
    from customers

),

flagged as (

    select
        customers.customer_id,
        held_back.held_back_amount,
        held_back.held_back_returns,
        held_back.last_held_back_date,
        held_back.last_held_back_purchase,
        purchases.typical_days_between_purchases,
        high_spenders.lowest_monetary,
        customer_rfm.recency_days,
        customer_rfm.frequency,
        customer_rfm.monetary,
        customer_rfm.r_score,
        customer_rfm.f_score,
        customer_rfm.m_score,
        customer_rfm.rfm_segment,
        least(customers.last_date_of_source, purchases.first_transaction_date) as first_purchase_date,
        greatest(customers.last_date_of_source, customer_rfm.last_transaction_date) as last_purchase_date,
        as_of.as_of_date,
        balances.total_loyalty_points,
        coalesce(held_back.held_back_transactions, 0) as held_back_transactions,
        coalesce(customer_rfm.monetary >= high_spenders.lowest_monetary, false) as is_high_spender
    from known_dates as customers
    cross join as_of
    cross join high_spenders
    inner join balances on customers.customer_id = balances.customer_id
    left join customer_rfm on customers.customer_id = customer_rfm.customer_id
    left join purchases on customers.customer_id = purchases.customer_id
    left join held_back on customers.customer_id = held_back.customer_id

),

lapsed as (

    select
        *,
        {{ days_between('last_purchase_date', 'as_of_date') }} as days_since_last_purchase,
        {{ days_between('last_held_back_purchase', 'as_of_date') }} as days_since_held_back_purchase
    from flagged

),

at_risk as (

    select
        *,
        {{ is_at_risk('days_since_last_purchase', 'total_loyalty_points', 'typical_days_between_purchases') }}
            as is_at_risk
    from lapsed

),

-- what would not hold if the customer's rejected transactions counted
decided as (

    select
        *,
        coalesce({{ days_between('first_purchase_date', 'as_of_date') }} <= {{ setting('new_customer_days') }}, false)
            as is_new,
        days_since_last_purchase - typical_days_between_purchases as days_overdue,
        is_at_risk
        and coalesce(last_held_back_purchase > last_purchase_date, false)
        and not {{ is_at_risk(
            'days_since_held_back_purchase', 'total_loyalty_points', 'typical_days_between_purchases'
        ) }} as at_risk_is_doubtful,
        is_high_spender and coalesce(monetary + held_back_returns < lowest_monetary, false) as high_spender_is_doubtful
    from at_risk

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
        decided.is_new,
        decided.at_risk_is_doubtful,
        decided.high_spender_is_doubtful,
        decided.first_purchase_date,
        decided.last_purchase_date,
        decided.days_since_last_purchase,
        decided.typical_days_between_purchases,
        decided.days_overdue,
        decided.recency_days,
        decided.frequency,
        decided.monetary,
        decided.r_score,
        decided.f_score,
        decided.m_score,
        decided.rfm_segment,
        decided.held_back_transactions,
        {#- nothing held back is 0; what can't be read is null #}
        case when decided.held_back_transactions = 0 then 0 else decided.held_back_amount end as held_back_amount,
        decided.last_held_back_date
    from decided
    inner join memberships on decided.customer_id = memberships.customer_id
    inner join segments on memberships.priority = segments.priority

)

select * from final
