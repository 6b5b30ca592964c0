{{ config(
    materialized='amended_table',
    meta={'unit': 'customer_id', 'units': 'affected_customers'}
) }}
{%- set seen_transactions = transactions_of_customers(with_rules=true) %}
{%- set returns = rows_of_affected_customers(ref('loyalty_returns')) %}
{%- set clawbacks = rows_of_affected_customers(ref('loyalty_clawbacks')) %}
{%- set redemptions = redemptions_of_customers() %}
{%- set details, as_of = ref('stg_customer_details'), ref('as_of') %}
{%- set points_of_amounts = ref('loyalty_points') %}
-- Which points a return or a redemption takes depends on all that was taken before. So it is found event by event, only
-- for the customers who have one.
{% if not takes_points_back() and not redeems_points() %}
select
    cast(null as {{ sql_type('varchar(20)') }}) as customer_id,
    cast(null as {{ sql_type('text') }}) as event_type,
    cast(null as {{ sql_type('varchar(30)') }}) as event_id,
    cast(null as {{ sql_type('varchar(30)') }}) as purchase_id,
    cast(null as {{ sql_type('varchar(30)') }}) as lot_id,
    cast(null as bigint) as points,
    cast(null as {{ sql_type('text') }}) as taken_from
where false
{% else %}
with recursive

returns as (

    {{ returns }}

),

points_of_amounts as (

    select * from {{ points_of_amounts }}

),

as_of as (

    select * from {{ as_of }}

),

details as (

    select * from {{ details }}

),

found_events as (

    select
        customer_id,
        'CLAWBACK' as event_type,
        1 as place,
        transaction_id as event_id,
        transaction_date as event_at,
        purchase_id,
        purchase_date,
        points_due
    from ({{ clawbacks }}) as clawbacks
    where points_due > 0
    union all
    select
        customer_id,
        'REDEEM' as event_type,
        2 as place,
        redemption_id as event_id,
        redeemed_at as event_at,
        cast(null as {{ sql_type('varchar(30)') }}) as purchase_id,
        cast(null as {{ sql_type('timestamp') }}) as purchase_date,
        points as points_due
    from ({{ redemptions }}) as redemptions

),

events as (

    select
        *,
        row_number() over (
            partition by customer_id
            order by
                event_at,
                place,
                {{ by_code_point('event_id') }},
                purchase_date nulls last,
                {{ by_code_point('purchase_id') }}
        ) as event_number
    from found_events

),

customers as (

    select distinct customer_id from events

),

transactions as (

    select * from ({{ seen_transactions }}) as seen
    where customer_id in (select customer_id from customers)

),

found_lots as (

    select
        details.customer_id,
        cast(null as {{ sql_type('varchar(30)') }}) as lot_id,
        cast(null as {{ sql_type('timestamp') }}) as earned_at,
        cast(details.total_loyalty_points as bigint) as points,
        {{ opening_expires_on() }} as expires_on
    from details
    inner join customers on details.customer_id = customers.customer_id
    union all
    select
        transactions.customer_id,
        transactions.transaction_id as lot_id,
        transactions.transaction_date as earned_at,
        points_of_amounts.points,
        {{ points_expire_on('transactions.transaction_date') }} as expires_on
    from transactions
    inner join points_of_amounts
        on
            transactions.total_amount = points_of_amounts.total_amount
            and transactions.rules_from_batch = points_of_amounts.rules_from_batch
    where transactions.transaction_id not in (select transaction_id from returns)
    union all
    select
        transactions.customer_id,
        transactions.transaction_id as lot_id,
        transactions.transaction_date as earned_at,
        returns.points,
        {{ points_expire_on('transactions.transaction_date') }} as expires_on
    from transactions
    inner join returns on transactions.transaction_id = returns.transaction_id
    where returns.has_sale

),

lots as (

    select
        *,
        row_number() over (
            partition by customer_id
            order by earned_at nulls first, {{ by_code_point('lot_id') }}
        ) as lot_number
    from found_lots

),

-- which lots an event may take points from, and in which turn. Where facts came late, a redemption may take more than
-- there was: then it takes what is earned next.
offers as (

    select
        events.customer_id,
        events.event_number,
        events.points_due,
        lots.lot_number,
        case
            when lots.lot_id = events.purchase_id then 0
            when lots.expires_on < cast(events.event_at as date) and lots.expires_on <= as_of.as_of_date then null
            when lots.lot_id is null and events.event_type = 'REDEEM' then 1
            when lots.lot_id is null then {{ '2' if setting('clawback_opening_points') else 'null' }}
            when lots.earned_at <= events.event_at then 1
            when events.event_type = 'REDEEM' then 2
        end as turn,
        coalesce(
            lots.expires_on < cast(events.event_at as date) and lots.expires_on <= as_of.as_of_date, false
        ) as had_expired
    from events
    inner join lots on events.customer_id = lots.customer_id
    cross join as_of

),

uses as (

    {{ points_taken_in_turn() }}

),

taken as (

    select
        customer_id,
        event_number,
        lot_number,
        points_taken as points,
        case when had_expired then 'expired' else 'left' end as taken_from
    from uses
    where points_taken > 0

),

covered as (

    select
        customer_id,
        event_number,
        sum(points) as points
    from taken
    group by customer_id, event_number

),

-- what no lot covers of a redemption stands on the opening lot, so that the lots add up to the balance
overdrawn as (

    select
        events.customer_id,
        events.event_number,
        cast(1 as bigint) as lot_number,
        cast(events.points_due - coalesce(covered.points, 0) as bigint) as points,
        'overdrawn' as taken_from
    from events
    left join covered
        on
            events.customer_id = covered.customer_id
            and events.event_number = covered.event_number
    where
        events.event_type = 'REDEEM'
        and events.points_due > coalesce(covered.points, 0)

),

all_uses as (

    select * from taken
    union all
    select * from overdrawn

),

final as (

    select
        all_uses.customer_id,
        events.event_type,
        events.event_id,
        events.purchase_id,
        lots.lot_id,
        all_uses.points,
        all_uses.taken_from
    from all_uses
    inner join events
        on
            all_uses.customer_id = events.customer_id
            and all_uses.event_number = events.event_number
    inner join lots
        on
            all_uses.customer_id = lots.customer_id
            and all_uses.lot_number = lots.lot_number

)

select * from final
{% endif %}
