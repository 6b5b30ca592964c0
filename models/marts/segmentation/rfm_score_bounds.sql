{%- set dimensions = {'R': ('recency_days', 'r_score'), 'F': ('frequency', 'f_score'), 'M': ('monetary', 'm_score')} %}

with

customer_rfm as (

    select * from {{ ref('customer_rfm') }}

),

scores as (

    select distinct r_score as score
    from {{ ref('rfm_segments') }}

),

bounds as (
    {% for dimension, (value, score) in dimensions.items() %}
    select
        '{{ dimension }}' as dimension,
        scores.score,
        count(customer_rfm.customer_id) as customers,
        cast(min(customer_rfm.{{ value }}) as {{ sql_type('numeric') }}) as lowest_value,
        cast(max(customer_rfm.{{ value }}) as {{ sql_type('numeric') }}) as highest_value
    from scores
    left join customer_rfm on scores.score = customer_rfm.{{ score }}
    group by scores.score
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select * from bounds
