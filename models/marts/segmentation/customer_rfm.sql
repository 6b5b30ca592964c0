with

transactions as (

    select * from {{ ref('stg_store_sales_header') }}

),

as_of as (

    select * from {{ ref('as_of') }}

),

rfm_segments as (

    select * from {{ ref('rfm_segments') }}

),

-- a return lowers what was spent, but it is no purchase; guests are nobody's purchases
buyers as (

    select
        customer_id,
        cast(max(case when total_amount > 0 then transaction_date end) as date) as last_transaction_date,
        count(case when total_amount > 0 then 1 end) as frequency,
        sum(total_amount) as monetary
    from transactions
    where customer_id is not null
    group by customer_id
    having count(case when total_amount > 0 then 1 end) > 0

),

measured as (

    select
        buyers.customer_id,
        buyers.last_transaction_date,
        {{ days_between('buyers.last_transaction_date', 'as_of.as_of_date') }} as recency_days,
        buyers.frequency,
        buyers.monetary
    from buyers
    cross join as_of

),

scored as (

    select
        *,
        {{ quintile_score('recency_days desc', 'recency_days') }} as r_score,
        {{ quintile_score('frequency', 'frequency') }} as f_score,
        {{ quintile_score('monetary', 'monetary') }} as m_score
    from measured

),

final as (

    select
        scored.customer_id,
        scored.last_transaction_date,
        scored.recency_days,
        scored.frequency,
        scored.monetary,
        scored.r_score,
        scored.f_score,
        scored.m_score,
        rfm_segments.rfm_segment
    from scored
    inner join rfm_segments
        on
            scored.r_score = rfm_segments.r_score
            and scored.f_score = rfm_segments.f_score

)

select * from final
