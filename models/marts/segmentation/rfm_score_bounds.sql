with

customer_rfm as (

    select * from {{ ref('customer_rfm') }}

),

scores as (

    select distinct r_score as score
    from {{ ref('rfm_segments') }}

),

-- aggregated before the join, because scores are too few to distribute customers by
found as (
    {% for dimension in rfm_dimensions() %}
    select
        '{{ dimension.name }}' as dimension,
        {{ dimension.score }} as score,
        count(*) as customers,
        cast(min({{ dimension.value }}) as {{ sql_type('numeric') }}) as lowest_value,
        cast(max({{ dimension.value }}) as {{ sql_type('numeric') }}) as highest_value
    from customer_rfm
    group by {{ dimension.score }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

bounds as (
    {% for dimension in rfm_dimensions() %}
    select
        '{{ dimension.name }}' as dimension,
        scores.score,
        coalesce(found.customers, 0) as customers,
        found.lowest_value,
        found.highest_value
    from scores
    left join found
        on
            scores.score = found.score
            and found.dimension = '{{ dimension.name }}'
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select * from bounds
