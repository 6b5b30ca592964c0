{{ config(meta={'unlogged': true, 'analyze': true}) }}
{%- set redemptions, details = ref('int_redemptions_dated'), ref('checked_customer_details') %}
{%- set transactions, clawbacks = ref('int_redeemers_transactions'), ref('int_redemptions_clawbacks') %}
-- A customer's account is kept once for each delivery that brings redemptions, from what this and earlier deliveries
-- brought and accepted. So no later delivery changes a verdict.
{% if not redeems_points() %}
select
    cast(null as bigint) as source_row_number,
    cast(null as bigint) as balance_before
where false
{% else %}
with recursive

redemptions as (

    select
        *,
        row_number() over (
            partition by customer_id
            order by source_row_number
        ) as redemption_number
    from {{ redemptions }}

),

details as (

    select * from {{ details }}
    where
        is_valid
        and customer_id in (select customer_id from redemptions)

),

transactions as (

    select * from {{ transactions }}
    where sale_amount is not null

),

clawbacks as (

    select * from {{ clawbacks }}
    where points_due > 0

),

-- a customer's account as it was known after a delivery, up to the last redemption of that delivery
accounts as (

    select
        customer_id,
        batch_id,
        max(redeemed_at) as until
    from redemptions
    group by customer_id, batch_id

),

found_lots as (

    select
        customer_id,
        cast(null as {{ sql_type('text') }}) as lot_id,
        cast(null as {{ sql_type('timestamp') }}) as earned_at,
        cast(total_loyalty_points as bigint) as points,
        {{ opening_expires_on() }} as expires_on,
        0 as batch_id
    from details
    union all
    select
        customer_id,
        transaction_id as lot_id,
        transaction_date as earned_at,
        points,
        {{ points_expire_on('transaction_date') }} as expires_on,
        batch_id
    from transactions

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

found_events as (

    select
        accounts.customer_id,
        accounts.batch_id,
        2 as place,
        redemptions.redemption_id as event_id,
        redemptions.redeemed_at as event_at,
        cast(null as {{ sql_type('text') }}) as purchase_id,
        cast(null as {{ sql_type('timestamp') }}) as purchase_date,
        redemptions.points as points_due,
        redemptions.redemption_number,
        redemptions.batch_id = accounts.batch_id as is_judged
    from accounts
    inner join redemptions
        on
            accounts.customer_id = redemptions.customer_id
            and accounts.batch_id >= redemptions.batch_id
            and accounts.until >= redemptions.redeemed_at
    union all
    select
        customer_id,
        batch_id,
        1 as place,
        transaction_id as event_id,
        transaction_date as event_at,
        purchase_id,
        purchase_date,
        points_due,
        cast(null as bigint) as redemption_number,
        false as is_judged
    from clawbacks

),

-- the accounts of a customer are gone through one after the other
events as (

    select
        *,
        row_number() over (
            partition by customer_id
            order by
                batch_id,
                event_at,
                place,
                {{ by_code_point('event_id') }},
                purchase_date nulls last,
                {{ by_code_point('purchase_id') }}
        ) as event_number,
        lag(batch_id) over (
            partition by customer_id
            order by
                batch_id,
                event_at,
                place,
                {{ by_code_point('event_id') }},
                purchase_date nulls last,
                {{ by_code_point('purchase_id') }}
        ) as batch_id_before
    from found_events

),

known_lots as (

    select
        events.*,
        coalesce(events.batch_id <> events.batch_id_before, true) as begins_account,
        events.redemption_number is not null as is_redemption,
        lots.lot_number,
        lots.lot_id,
        lots.earned_at,
        case when lots.batch_id <= events.batch_id then lots.points else 0 end as points,
        lots.batch_id <= events.batch_id as is_known,
        coalesce(lots.expires_on < cast(events.event_at as date), false) as has_expired
    from events
    inner join lots on events.customer_id = lots.customer_id

),

-- which lots an event may take points from, and in which turn, as in loyalty_lot_uses; which lots make up the balance
offers as (

    select
        customer_id,
        event_number,
        begins_account,
        is_redemption,
        is_judged,
        redemption_number,
        points_due,
        lot_number,
        points,
        case
            when not is_known then null
            when lot_id = purchase_id then 0
            when has_expired then null
            when lot_id is null and is_redemption then 1
            when lot_id is null then {{ '2' if setting('clawback_opening_points') else 'null' }}
            when earned_at <= event_at then 1
            when is_redemption then 2
        end as turn,
        case
            when has_expired then 'expired'
            when earned_at > event_at then 'later'
            else 'left'
        end as state
    from known_lots

),

covered as (

    {{ redemptions_covered_in_turn() }}

),

final as (

    select
        redemptions.source_row_number,
        covered.balance as balance_before
    from covered
    inner join events
        on
            covered.customer_id = events.customer_id
            and covered.event_number = events.event_number
            and events.is_judged
    inner join redemptions
        on
            events.customer_id = redemptions.customer_id
            and events.redemption_number = redemptions.redemption_number
    where covered.lot_number = 1

)

select * from final
{% endif %}
