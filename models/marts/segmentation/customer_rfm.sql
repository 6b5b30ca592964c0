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

worths as (
    {% for dimension in rfm_dimensions() %}
    select
        '{{ dimension.name }}' as dimension,
        {{ dimension.worth }} as worth,
        count(*) as customers
    from measured
    group by {{ dimension.worth }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

mid_ranks as (
    {{ mid_ranks('worths') }}
),

scored_worths as (

    select
        dimension,
        worth,
        {{ quintile_score() }} as score
    from mid_ranks

),

-- one row, which every task can have, so that no customers are shuffled
lowest_worths as (
    {{ lowest_worths('scored_worths') }}
),

scored as (

    select
        {%- for dimension in rfm_dimensions() %}
        {{ score_by('lowest_worths', dimension) }} as {{ dimension.score }},
        {%- endfor %}
        measured.*
    from measured
    cross join lowest_worths

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
        {{ rfm_segment_of('rfm_segments.rfm_segment', 'scored.monetary') }} as rfm_segment
    from scored
    inner join rfm_segments
        on
            scored.r_score = rfm_segments.r_score
            and scored.f_score = rfm_segments.f_score

)

select * from final
