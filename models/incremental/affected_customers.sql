{{ config(meta={'analyze': true}) }}
-- Whose ledger this build amends, and from which entry on: the first one that is new, removed or changed.
{%- set affected = affected_transactions() %}
{%- set checked_headers, customers = ref('checked_store_sales_header'), ref('stg_customer_details') %}
{%- set checked_redemptions = ref('checked_loyalty_redemptions') %}
{%- set of_a_redemption = loyalty_redemptions_columns() | map(attribute='name') | join(', ') %}
{%- set plan = build_plan() %}
{% if plan.is_full %}
select
    cast(null as {{ sql_type('text') }}) as customer_id,
    cast(null as {{ sql_type('timestamp') }}) as since,
    cast(null as bigint) as keep_through
where false
{% else %}
with

customers as (

    select * from {{ customers }}

),

published_balances as (

    select * from {{ source('last_marts', 'loyalty_balances') }}

),

judged_now as (

    {{ affected_rows(checked_headers) }}

),

new_entries as (

    select
        customer_id,
        transaction_date as since
    from judged_now
    where
        is_valid
        and customer_id is not null

),

old_entries as (

    select
        published.customer_id,
        published.transaction_date as since
    from {{ source('last_marts', 'store_sales_header') }} as published
    inner join {{ affected }} as affected on published.transaction_id = affected.transaction_id
    where published.customer_id is not null

),

redemptions_now as (

    select {{ of_a_redemption }} from {{ checked_redemptions }}
    where is_valid

),

redemptions_before as (

    select {{ of_a_redemption }} from {{ source('last_marts', 'loyalty_redemptions') }}

),

changed_redemptions as (

    (select * from redemptions_now except select * from redemptions_before)
    union all
    (select * from redemptions_before except select * from redemptions_now)

),

-- a customer who is new, or whose opening balance changed, starts over; one whose status changed keeps all entries
openings as (

    select
        customers.customer_id,
        case
            when customers.total_loyalty_points = published_balances.opening_points
                then cast('9999-12-31' as {{ sql_type('timestamp') }})
        end as since
    from customers
    left join published_balances on customers.customer_id = published_balances.customer_id
    where
        customers.total_loyalty_points is distinct from published_balances.opening_points
        or customers.loyalty_status is distinct from published_balances.loyalty_status

),

{% if points_expire() or tiers_by_earned_points() -%}
-- the as-of dates of this build and of the last one
as_of_dates as (

    select
        least(
            published.as_of_date,
            now.as_of_date
            {%- if plan.as_of_moved %}, {{ date_literal(plan.as_of_moved.first) }}{% endif %}
        ) as first_date,
        greatest(
            published.as_of_date,
            now.as_of_date
            {%- if plan.as_of_moved %}, {{ date_literal(plan.as_of_moved.last) }}{% endif %}
        ) as last_date
    from {{ source('last_marts', 'as_of') }} as published
    cross join (
        select {{ as_of_date('max(transaction_date)') }} as as_of_date
        from {{ checked_headers }}
        where is_valid
    ) as now

),

{% endif -%}
{% if tiers_by_earned_points() -%}
-- whose purchases count for a tier up to one as-of date and not up to the other; their entries stay
in_other_tier_months as (

    select
        earned.customer_id,
        cast('9999-12-31' as {{ sql_type('timestamp') }}) as since
    from {{ source('last_marts', 'loyalty_ledger') }} as earned
    inner join as_of_dates
        on
            cast(earned.entry_at as date) > {{ tier_months_begin_after('as_of_dates.first_date') }}
            and cast(earned.entry_at as date) <= {{ tier_months_begin_after('as_of_dates.last_date') }}
    where earned.entry_type = 'EARN'

),

{% endif -%}
{% if points_expire() -%}
expiring as (

    select
        lots.customer_id,
        cast(null as {{ sql_type('timestamp') }}) as since
    from {{ source('last_marts', 'loyalty_ledger') }} as lots
    inner join as_of_dates
        on
            case
                when lots.entry_type = 'OPENING' then {{ opening_expires_on() }}
                else {{ points_expire_on('lots.entry_at') }}
            end between as_of_dates.first_date and as_of_dates.last_date
    where lots.entry_type in ('OPENING', 'EARN')

),

{% endif -%}
{% if plan.as_of_moved -%}
-- what the ledger saw up to one as-of date and not up to the other
between_as_of_dates as (

    select
        customer_id,
        transaction_date as since
    from {{ checked_headers }}
    where
        is_valid
        and customer_id is not null
        and cast(transaction_date as date) > {{ date_literal(plan.as_of_moved.first) }}
        and cast(transaction_date as date) <= {{ date_literal(plan.as_of_moved.last) }}
    union all
    select
        customer_id,
        redeemed_at as since
    from redemptions_now
    where
        cast(redeemed_at as date) > {{ date_literal(plan.as_of_moved.first) }}
        and cast(redeemed_at as date) <= {{ date_literal(plan.as_of_moved.last) }}

),

{% endif -%}
found as (

    select * from new_entries
    union all
    select * from old_entries
    union all
    select
        customer_id,
        redeemed_at as since
    from changed_redemptions
    union all
    select * from openings
    {%- if plan.as_of_moved %}
    union all
    select * from between_as_of_dates
    {%- endif %}
    {%- if tiers_by_earned_points() %}
    union all
    select * from in_other_tier_months
    {%- endif %}
    {%- if points_expire() %}
    union all
    select * from expiring
    {%- endif %}
    {%- if plan.resumes and load_relation(this) is not none %}
    -- what an unfinished build listed
    union all
    select
        customer_id,
        since
    from {{ this }}
    {%- endif %}

),

earliest as (

    select
        customer_id,
        {#- an expiry may come long after the lot, so no entry is kept #}
        {{ 'cast(null as ' ~ sql_type('timestamp') ~ ')' if points_expire() else 'case when count(*) = count(since) then min(since) end' }} as since
    from found
    group by customer_id

),

-- the published entries before that moment stay
kept as (

    select
        earliest.customer_id,
        max(published_ledger.entry_number) as entry_number
    from earliest
    inner join {{ source('last_marts', 'loyalty_ledger') }} as published_ledger
        on earliest.customer_id = published_ledger.customer_id
    where
        earliest.since is not null
        and (published_ledger.entry_at is null or published_ledger.entry_at < earliest.since)
    group by earliest.customer_id

),

final as (

    select
        earliest.customer_id,
        earliest.since,
        coalesce(kept.entry_number, -1) as keep_through
    from earliest
    left join kept on earliest.customer_id = kept.customer_id

)

select * from final
{% endif %}
