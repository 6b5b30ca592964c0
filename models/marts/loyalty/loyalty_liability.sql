{%- set lots = ref('loyalty_lots') %}
with

ledger as (

    select * from {{ ref('loyalty_ledger') }}

),

as_of as (

    select * from {{ ref('as_of') }}

),

-- the opening balances are those of the first month
opening as (

    select coalesce(sum(points), 0) as points
    from ledger
    where entry_type = 'OPENING'

),

moved as (

    select
        {{ first_of_month('entry_at') }} as month_begins_on,
        sum(case when entry_type = 'EARN' then points else 0 end) as earned_points,
        sum(case when entry_type = 'REDEEM' then points else 0 end) as redeemed_points,
        sum(case when entry_type = 'CLAWBACK' then points else 0 end) as clawed_back_points,
        sum(case when entry_type = 'EXPIRE' then points else 0 end) as expired_points,
        sum(points) as points
    from ledger
    where entry_at is not null
    group by 1

),

months as (

    select month_begins_on from moved
    union
    select {{ first_of_month('as_of_date') }} as month_begins_on from as_of

),

rolled_forward as (

    select
        months.month_begins_on,
        coalesce(moved.earned_points, 0) as earned_points,
        coalesce(moved.redeemed_points, 0) as redeemed_points,
        coalesce(moved.clawed_back_points, 0) as clawed_back_points,
        coalesce(moved.expired_points, 0) as expired_points,
        coalesce(moved.points, 0) as points,
        opening.points + sum(coalesce(moved.points, 0)) over (
            order by months.month_begins_on
            rows between unbounded preceding and current row
        ) as closing_points
    from months
    cross join opening
    left join moved on months.month_begins_on = moved.month_begins_on

),
{% if points_expire() %}
lots as (

    select * from {{ lots }}

),

expiring as (

    select
        {{ first_of_month('as_of.as_of_date') }} as month_begins_on,
        {{ points_expiring_within(30) }} as expiring_in_thirty_days,
        {{ points_expiring_within(60) }} as expiring_in_sixty_days,
        {{ points_expiring_within(90) }} as expiring_in_ninety_days
    from as_of
    left join lots on as_of.as_of_date < lots.expires_on
    group by 1

),
{% endif %}
final as (

    select
        rolled_forward.month_begins_on,
        cast(rolled_forward.closing_points - rolled_forward.points as bigint) as opening_points,
        cast(rolled_forward.earned_points as bigint) as earned_points,
        cast(rolled_forward.redeemed_points as bigint) as redeemed_points,
        cast(rolled_forward.clawed_back_points as bigint) as clawed_back_points,
        cast(rolled_forward.expired_points as bigint) as expired_points,
        cast(rolled_forward.closing_points as bigint) as closing_points,
        {%- if points_expire() %}
        expiring.expiring_in_thirty_days,
        expiring.expiring_in_sixty_days,
        expiring.expiring_in_ninety_days
        {%- else %}
        cast(null as bigint) as expiring_in_thirty_days,
        cast(null as bigint) as expiring_in_sixty_days,
        cast(null as bigint) as expiring_in_ninety_days
        {%- endif %}
    from rolled_forward
    {%- if points_expire() %}
    left join expiring on rolled_forward.month_begins_on = expiring.month_begins_on
    {%- endif %}

)

select * from final
