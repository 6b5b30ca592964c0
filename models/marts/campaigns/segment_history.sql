{{ config(
    unique_key=['raw_layer', 'customer_id', 'as_of_date'],
    incremental_strategy='merge'
) }}
{%- set figures = ['is_high_spender', 'is_at_risk', 'last_purchase_date', 'monetary', 'total_loyalty_points'] %}

with

customers as (

    select * from {{ ref('customer_segments') }}

),

balances as (

    select * from {{ ref('loyalty_balances') }}

),

as_of as (

    select * from {{ ref('as_of') }}

),

remembered as (
    {% if is_incremental() %}
    select
        customer_id,
        as_of_date,
        segment_id,
        {{ figures | join(',\n        ') }}
    from {{ this }}
    where raw_layer = '{{ setting('raw_layer') }}'
    {% else %}
    -- nothing yet: columns only
    select
        customers.customer_id,
        as_of.as_of_date,
        customers.segment_id,
        customers.is_high_spender,
        customers.is_at_risk,
        customers.last_purchase_date,
        customers.monetary,
        balances.total_loyalty_points
    from customers
    cross join as_of
    cross join balances
    where false
    {% endif %}
),

days as (

    select
        as_of.as_of_date,
        {{ may_record('as_of', '(select max(remembered.as_of_date) from remembered)') }} as may_record
    from as_of

),

-- what an earlier build of this day has said
today as (

    select remembered.*
    from remembered
    inner join days on remembered.as_of_date = days.as_of_date

),

before as (

    select
        customer_id,
        segment_id
    from (
        select
            remembered.customer_id,
            remembered.segment_id,
            row_number() over (
                partition by remembered.customer_id
                order by remembered.as_of_date desc
            ) as number_from_last
        from remembered
        inner join days on remembered.as_of_date < days.as_of_date
    ) as numbered
    where number_from_last = 1

),

present as (

    select
        customers.customer_id,
        customers.segment_id,
        customers.is_high_spender,
        customers.is_at_risk,
        customers.last_purchase_date,
        customers.monetary,
        balances.total_loyalty_points
    from customers
    inner join balances on customers.customer_id = balances.customer_id

),

-- a customer who is gone has no segment
seen as (

    select
        coalesce(present.customer_id, before.customer_id) as customer_id,
        present.segment_id,
        {%- for figure in figures %}
        present.{{ figure }},
        {%- endfor %}
        before.segment_id as segment_id_before
    from present
    full outer join before on present.customer_id = before.customer_id

),

-- the last build of a day is right: where an earlier one saw a change that is none, its row says so
final as (

    select
        '{{ setting('raw_layer') }}' as raw_layer,
        coalesce(seen.customer_id, today.customer_id) as customer_id,
        days.as_of_date,
        seen.segment_id,
        {%- for figure in figures %}
        seen.{{ figure }},
        {%- endfor %}
        cast('{{ run_started_at }}' as {{ sql_type('timestamp with time zone') }}) as built_at
    from seen
    full outer join today on seen.customer_id = today.customer_id
    inner join days on days.may_record
    where
        (today.customer_id is null and seen.segment_id is distinct from seen.segment_id_before)
        or (
            today.customer_id is not null
            and (
                seen.segment_id is distinct from today.segment_id
                {%- for figure in figures %}
                or seen.{{ figure }} is distinct from today.{{ figure }}
                {%- endfor %}
            )
        )

)

select * from final
