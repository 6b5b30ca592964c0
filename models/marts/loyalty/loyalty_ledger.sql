{{ config(
    materialized='amended_table',
    indexes=[{'columns': ['customer_id', 'entry_number'], 'unique': true}],
    meta={
        'unit': 'customer_id',
        'units': 'affected_customers',
        'kept': 'entry_number',
    }
) }}
{%- set has_events = takes_points_back() or redeems_points() or points_expire() %}
{%- set returns = rows_of_affected_customers(ref('loyalty_returns')) %}
{%- set clawbacks = rows_of_affected_customers(ref('loyalty_clawbacks')) %}
{%- set lot_uses = rows_of_affected_customers(ref('loyalty_lot_uses')) %}
{%- set redemptions = redemptions_of_customers() %}
{%- set as_of = ref('as_of') %}

with

customers as (

    select * from {{ ref('stg_customer_details') }}

),

{% if amends() %}
-- where each customer's new entries begin: at the opening, or after the last entry that stays
starts as (

    select
        customers.customer_id,
        affected.keep_through,
        coalesce(kept.running_balance, 0) as balance_before,
        affected.since
    from customers
    inner join {{ affected_customers() }} as affected on customers.customer_id = affected.customer_id
    left join {{ this }} as kept
        on
            affected.customer_id = kept.customer_id
            and affected.keep_through = kept.entry_number

),
{% endif %}
-- guests have no ledger
transactions as (

    select seen.*
    from ({{ transactions_of_customers(with_rules=true) }}) as seen
    {%- if amends() %}
    inner join starts on seen.customer_id = starts.customer_id
    where
        starts.keep_through < 0
        or seen.transaction_date >= starts.since
    {%- else %}
    where seen.customer_id is not null
    {%- endif %}

),

points_of_amounts as (

    select * from {{ ref('loyalty_points') }}

),

opening as (

    select
        customer_id,
        'OPENING' as entry_type,
        cast(null as {{ sql_type('varchar(30)') }}) as transaction_id,
        cast(null as {{ sql_type('timestamp') }}) as entry_at,
        cast(null as {{ sql_type('text') }}) as rule_ids,
        cast(null as integer) as rules_from_batch,
        cast(total_loyalty_points as bigint) as points
    from customers

),
{% if takes_points_back() %}
returns as (

    {{ returns }}

),

returns_with_sales as (

    select * from returns
    where has_sale

),
{% endif %}
earned as (

    select
        transactions.customer_id,
        'EARN' as entry_type,
        transactions.transaction_id,
        transactions.transaction_date as entry_at,
        points_of_amounts.rule_ids,
        points_of_amounts.rules_from_batch,
        points_of_amounts.points
    from transactions
    inner join points_of_amounts
        on
            transactions.total_amount = points_of_amounts.total_amount
            and transactions.rules_from_batch = points_of_amounts.rules_from_batch
    {%- if takes_points_back() %}
    left join returns on transactions.transaction_id = returns.transaction_id
    where returns.transaction_id is null
    union all
    select
        customer_id,
        'EARN' as entry_type,
        transaction_id,
        transaction_date as entry_at,
        rule_ids,
        rules_from_batch,
        points
    from returns_with_sales
    {%- endif %}

),

lots as (

    select * from opening
    union all
    select * from earned

),

{% if has_events -%}
as_of as (

    select * from {{ as_of }}

),

lot_uses as (

    {{ lot_uses }}

),

clawbacks as (

    {{ clawbacks }}

),

redemptions as (

    {{ redemptions }}

),

taken_by_clawbacks as (

    select
        event_id as transaction_id,
        purchase_id,
        sum(points) as points,
        sum(case when taken_from = 'left' then points else 0 end) as points_taken
    from lot_uses
    where event_type = 'CLAWBACK'
    group by event_id, purchase_id

),

taken_from_lots as (

    select
        customer_id,
        coalesce(lot_id, '') as lot_id,
        sum(points) as points
    from lot_uses
    where taken_from = 'left'
    group by customer_id, coalesce(lot_id, '')

),

expiring_lots as (

    select
        *,
        case
            when entry_type = 'OPENING' then {{ opening_expires_on() }}
            else {{ points_expire_on('entry_at') }}
        end as expires_on
    from lots

),

-- at one moment, what was bought comes first, then what was returned, what was redeemed, and what expires
entries as (

    select
        customer_id,
        entry_type,
        0 as place,
        transaction_id,
        cast(null as {{ sql_type('varchar(30)') }}) as redemption_id,
        cast(null as {{ sql_type('varchar(30)') }}) as lot_id,
        cast(null as {{ sql_type('timestamp') }}) as lot_at,
        entry_at,
        rule_ids,
        rules_from_batch,
        points,
        cast(null as bigint) as uncollected_points,
        cast(null as boolean) as is_unmatched
    from lots
    union all
    select
        clawbacks.customer_id,
        'CLAWBACK' as entry_type,
        1 as place,
        clawbacks.transaction_id,
        cast(null as {{ sql_type('varchar(30)') }}) as redemption_id,
        clawbacks.purchase_id as lot_id,
        clawbacks.purchase_date as lot_at,
        clawbacks.transaction_date as entry_at,
        clawbacks.rule_ids,
        clawbacks.rules_from_batch,
        -coalesce(taken.points_taken, 0) as points,
        clawbacks.points_due - coalesce(taken.points, 0) as uncollected_points,
        clawbacks.purchase_id is null as is_unmatched
    from clawbacks
    left join taken_by_clawbacks as taken
        on
            clawbacks.transaction_id = taken.transaction_id
            and coalesce(clawbacks.purchase_id, '') = coalesce(taken.purchase_id, '')
    union all
    select
        customer_id,
        'REDEEM' as entry_type,
        2 as place,
        cast(null as {{ sql_type('varchar(30)') }}) as transaction_id,
        redemption_id,
        cast(null as {{ sql_type('varchar(30)') }}) as lot_id,
        cast(null as {{ sql_type('timestamp') }}) as lot_at,
        redeemed_at as entry_at,
        cast(null as {{ sql_type('text') }}) as rule_ids,
        cast(null as integer) as rules_from_batch,
        -points as points,
        cast(null as bigint) as uncollected_points,
        cast(null as boolean) as is_unmatched
    from redemptions
    union all
    select
        lots.customer_id,
        'EXPIRE' as entry_type,
        3 as place,
        cast(null as {{ sql_type('varchar(30)') }}) as transaction_id,
        cast(null as {{ sql_type('varchar(30)') }}) as redemption_id,
        lots.transaction_id as lot_id,
        lots.entry_at as lot_at,
        {{ end_of_day('lots.expires_on') }} as entry_at,
        cast(null as {{ sql_type('text') }}) as rule_ids,
        cast(null as integer) as rules_from_batch,
        coalesce(taken.points, 0) - lots.points as points,
        cast(null as bigint) as uncollected_points,
        cast(null as boolean) as is_unmatched
    from expiring_lots as lots
    cross join as_of
    left join taken_from_lots as taken
        on
            lots.customer_id = taken.customer_id
            and coalesce(lots.transaction_id, '') = taken.lot_id
    where
        lots.expires_on <= as_of.as_of_date
        and lots.points > coalesce(taken.points, 0)

),

{% else -%}
entries as (

    select * from lots

),

{% endif -%}
ordered as (

    select
        entries.*,
        {{ 'starts.keep_through' if amends() else 'cast(-1 as bigint)' }} + row_number() over in_order as entry_number,
        {{ 'starts.balance_before' if amends() else '0' }} + sum(entries.points) over in_order as running_balance
    from entries
    {%- if amends() %}
    inner join starts on entries.customer_id = starts.customer_id
    where
        starts.keep_through < 0
        or entries.entry_at >= starts.since
    {%- endif %}
    window in_order as (
        partition by entries.customer_id
        order by
            entries.entry_at nulls first,
            {%- if has_events %}
            entries.place,
            {{ by_code_point("coalesce(entries.transaction_id, entries.redemption_id, entries.lot_id, '')") }},
            entries.lot_at nulls last,
            {{ by_code_point('entries.lot_id') }}
            {%- else %}
            {{ by_code_point('entries.transaction_id') }}
            {%- endif %}
        rows between unbounded preceding and current row
    )

),

final as (

    select
        {%- set identity = ['customer_id', 'entry_type', 'transaction_id'] %}
        {%- if has_events %}
        case
            when entry_type in ('OPENING', 'EARN') then {{ dbt_utils.generate_surrogate_key(identity) }}
            else {{ dbt_utils.generate_surrogate_key(identity + ['redemption_id', 'lot_id']) }}
        end as ledger_entry_id,
        {%- else %}
        {{ dbt_utils.generate_surrogate_key(identity) }} as ledger_entry_id,
        {%- endif %}
        customer_id,
        entry_number,
        entry_type,
        transaction_id,
        {{ 'redemption_id' if has_events else 'cast(null as ' ~ sql_type('varchar(30)') ~ ') as redemption_id' }},
        {%- if has_events %}
        case
            when lot_id is not null
                then {{ dbt_utils.generate_surrogate_key(['customer_id', "'EARN'", 'lot_id']) }}
            when entry_type = 'EXPIRE'
                then {{ dbt_utils.generate_surrogate_key(['customer_id', "'OPENING'", 'lot_id']) }}
        end as answers_to_entry_id,
        {%- else %}
        cast(null as {{ sql_type('text') }}) as answers_to_entry_id,
        {%- endif %}
        entry_at,
        rule_ids,
        rules_from_batch,
        cast(points as bigint) as points,
        {{ 'cast(uncollected_points as bigint)' if has_events else 'cast(null as bigint)' }} as uncollected_points,
        {{ 'is_unmatched' if has_events else 'cast(null as boolean)' }} as is_unmatched,
        cast(running_balance as bigint) as running_balance
    from ordered

)

select * from final
