{{ config(
    enabled=var('raw_layer', 'seeds') == 'landing',
    materialized='amended_table',
    meta={'is_amended': false}
) }}
-- Whose ledger this build writes anew, and from which entry on: the first one that is new, gone or other than it was.
-- depends_on: {{ ref('affected_transactions') }}
-- depends_on: {{ ref('checked_store_sales_header') }}
-- depends_on: {{ ref('stg_customer_details') }}
-- depends_on: {{ ref('stg_store_sales_header') }}
{% if not amends_transactions() %}
select
    cast(null as {{ sql_type('text') }}) as customer_id,
    cast(null as {{ sql_type('timestamp') }}) as since,
    cast(null as {{ sql_type('text') }}) as since_transaction_id,
    cast(null as bigint) as keep_through
where false
{% else %}
with

customers as (

    select * from {{ ref('stg_customer_details') }}

),

published_balances as (

    select * from {{ source('last_marts', 'loyalty_balances') }}

),

new_entries as (

    select
        customer_id,
        transaction_date as since,
        transaction_id as since_transaction_id
    from {{ affected_rows(ref('checked_store_sales_header')) }} as headers
    where
        is_valid
        and customer_id is not null

),

old_entries as (

    select
        published.customer_id,
        published.transaction_date as since,
        published.transaction_id as since_transaction_id
    from {{ source('last_marts', 'store_sales_header') }} as published
    inner join {{ ref('affected_transactions') }} as affected on published.transaction_id = affected.transaction_id
    where published.customer_id is not null

),

-- a customer who is new or whose opening balance is another one begins anew; who is only called otherwise keeps all
openings as (

    select
        customers.customer_id,
        case
            when customers.total_loyalty_points = published_balances.opening_points
                then cast('infinity' as timestamp)
        end as since,
        cast(null as {{ sql_type('text') }}) as since_transaction_id
    from customers
    left join published_balances on customers.customer_id = published_balances.customer_id
    where
        customers.total_loyalty_points is distinct from published_balances.opening_points
        or customers.loyalty_status is distinct from published_balances.loyalty_status

),

found as (

    select * from new_entries
    union all
    select * from old_entries
    union all
    select * from openings
    {%- if plan().resumes and load_relation(this) is not none %}
    -- what an unfinished build had listed
    union all
    select
        customer_id,
        since,
        since_transaction_id
    from {{ this }}
    {%- endif %}

),

earliest as (

    select distinct on (customer_id)
        customer_id,
        since,
        since_transaction_id
    from found
    order by customer_id, since nulls first, {{ by_code_point('since_transaction_id') }}

),

final as (

    select
        earliest.customer_id,
        earliest.since,
        earliest.since_transaction_id,
        coalesce(kept.entry_number, -1) as keep_through
    from earliest
    left join lateral (
        -- not by a CTE: named twice, it would be copied, and read whole for each customer
        select published_ledger.entry_number
        from {{ source('last_marts', 'loyalty_ledger') }} as published_ledger
        where
            published_ledger.customer_id = earliest.customer_id
            and earliest.since is not null
            and (
                published_ledger.entry_at is null
                or published_ledger.entry_at < earliest.since
                or (
                    published_ledger.entry_at = earliest.since
                    and {{ by_code_point('published_ledger.transaction_id') }}
                    < {{ by_code_point('earliest.since_transaction_id') }}
                )
            )
        order by published_ledger.entry_number desc
        limit 1
    ) as kept on true

)

select * from final
{% endif %}
