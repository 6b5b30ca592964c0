with

buyers as (

    select * from {{ ref('customer_purchases') }}

),

as_of as (

    select * from {{ ref('as_of') }}

),

rfm_segments as (

    select * from {{ ref('rfm_segments') }}

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
