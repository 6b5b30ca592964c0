with

history as (

    select * from {{ ref('segment_history') }}
    where raw_layer = '{{ setting('raw_layer') }}'

),

segments as (

    select * from {{ ref('segments') }}

),

-- before the first day nothing is known: who was there then has not moved
first_day as (

    select min(as_of_date) as as_of_date
    from history

),

steps as (

    select
        {%- for figure in [
            'segment_id', 'is_high_spender', 'is_at_risk', 'last_purchase_date', 'monetary', 'total_loyalty_points'
        ] %}
        {{ figure }},
        lag({{ figure }}) over (
            partition by customer_id
            order by as_of_date
        ) as {{ figure }}_before,
        {%- endfor %}
        as_of_date
    from history

),

moves as (

    select
        steps.*,
        coalesce(is_at_risk, false) and not coalesce(is_at_risk_before, false) as has_lapsed,
        coalesce(is_at_risk_before, false) and not coalesce(is_at_risk, false) as is_back,
        coalesce(is_high_spender, false) and not coalesce(is_high_spender_before, false) as is_up,
        coalesce(is_high_spender_before, false) and not coalesce(is_high_spender, false) as is_down
    from steps
    inner join first_day on steps.as_of_date > first_day.as_of_date
    where segment_id is distinct from segment_id_before

),

reasoned as (

    select
        *,
        case
            when segment_id is null then 'no longer a customer'
            when segment_id_before is null then 'new customer'
            when has_lapsed and last_purchase_date = last_purchase_date_before and total_loyalty_points_before <= 0
                then 'got points, no purchase for long'
            when has_lapsed then '{{ lapsed_because() }}'
            when is_back and coalesce(last_purchase_date > last_purchase_date_before, last_purchase_date_before is null)
                then 'bought again'
            when is_back and total_loyalty_points <= 0 then 'points used up'
            when is_up and coalesce(monetary > monetary_before, monetary_before is null) then 'spent more'
            when is_up then 'others spent less'
            when is_down and coalesce(monetary < monetary_before, true) then 'returned what was bought'
            when is_down then 'others spent more'
            when last_purchase_date_before is null and last_purchase_date is not null then 'first purchase'
            else 'other'
        end as why
    from moves

),

final as (

    select
        reasoned.as_of_date,
        coalesce(reasoned.segment_id_before, 'none') as from_segment_id,
        coalesce(reasoned.segment_id, 'none') as to_segment_id,
        reasoned.why,
        origins.segment_name as from_segment_name,
        destinations.segment_name as to_segment_name,
        count(*) as customers,
        sum(coalesce(reasoned.monetary, reasoned.monetary_before, 0)) as monetary
    from reasoned
    left join segments as origins on reasoned.segment_id_before = origins.segment_id
    left join segments as destinations on reasoned.segment_id = destinations.segment_id
    group by 1, 2, 3, 4, 5, 6

)

select * from final
