with

ledger as (

    select * from {{ ref('loyalty_ledger') }}

),

lot_uses as (

    select * from {{ ref('loyalty_lot_uses') }}

),

lots as (

    select
        ledger_entry_id,
        customer_id,
        transaction_id,
        entry_at as earned_at,
        points,
        case
            when entry_type = 'OPENING' then {{ opening_expires_on() }}
            else {{ points_expire_on('entry_at') }}
        end as expires_on
    from ledger
    where entry_type in ('OPENING', 'EARN')

),

uses_of_lots as (

    select
        customer_id,
        coalesce(lot_id, '') as lot_id,
        sum(case when event_type = 'REDEEM' then points else 0 end) as used_points,
        sum(case when event_type = 'CLAWBACK' and taken_from = 'left' then points else 0 end) as clawed_back_points
    from lot_uses
    group by customer_id, coalesce(lot_id, '')

),

expiries as (

    select
        answers_to_entry_id,
        -points as expired_points
    from ledger
    where entry_type = 'EXPIRE'

),

counted as (

    select
        lots.*,
        cast(coalesce(uses_of_lots.used_points, 0) as bigint) as used_points,
        cast(coalesce(uses_of_lots.clawed_back_points, 0) as bigint) as clawed_back_points,
        coalesce(expiries.expired_points, 0) as expired_points
    from lots
    left join uses_of_lots
        on
            lots.customer_id = uses_of_lots.customer_id
            and coalesce(lots.transaction_id, '') = uses_of_lots.lot_id
    left join expiries on lots.ledger_entry_id = expiries.answers_to_entry_id

),

final as (

    select
        ledger_entry_id,
        customer_id,
        transaction_id,
        earned_at,
        points,
        used_points,
        clawed_back_points,
        expired_points,
        points - used_points - clawed_back_points - expired_points as points_left,
        expires_on
    from counted

)

select * from final
