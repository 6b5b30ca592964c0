{{ config(
    materialized='amended_table',
    indexes=[{'columns': ['customer_id', 'entry_number'], 'unique': true}],
    meta={
        'unit': 'customer_id',
        'units': 'affected_customers',
        'kept': 'entry_number',
    }
) }}

with

customers as (

    select * from {{ ref('stg_customer_details') }}

),

{% if amends() -%}
seen_transactions as (

    {{ transactions_of_customers() }}

),

checked_headers as (

    select * from {{ ref('checked_store_sales_header') }}
    where is_valid

),

transactions as (

    select
        seen_transactions.*,
        checked_headers.file_id
    from seen_transactions
    inner join checked_headers on {{ is_same_transaction('seen_transactions', 'checked_headers') }}

),
{%- else -%}
transactions as (

    {{ transactions_of_customers() }}

),
{%- endif %}

points_of_amounts as (

    select * from {{ ref('loyalty_points') }}

),

rules_of_files as (

    select * from {{ ref('int_files_loyalty_rules') }}

),

-- where each customer's new entries begin: at the opening, or after the last entry that stays
starts as (
    {% if amends() %}
    select
        customers.customer_id,
        cast(customers.total_loyalty_points as bigint) as opening_points,
        affected.keep_through,
        coalesce(kept.running_balance - customers.total_loyalty_points, 0) as earned,
        affected.since
    from customers
    inner join {{ affected_customers() }} as affected on customers.customer_id = affected.customer_id
    left join {{ this }} as kept
        on
            affected.customer_id = kept.customer_id
            and affected.keep_through = kept.entry_number
    {% else %}
    select
        customer_id,
        cast(total_loyalty_points as bigint) as opening_points,
        cast(-1 as bigint) as keep_through,
        cast(0 as bigint) as earned
    from customers
    {% endif %}
),

opening as (

    select
        customer_id,
        'OPENING' as entry_type,
        cast(null as {{ sql_type('varchar(30)') }}) as transaction_id,
        cast(null as {{ sql_type('timestamp') }}) as entry_at,
        cast(null as {{ sql_type('text') }}) as rule_ids,
        cast(null as integer) as rules_from_batch,
        opening_points,
        keep_through,
        earned as earned_at_start,
        cast(0 as bigint) as points_due
    from starts
    where keep_through < 0

),

-- guests have no ledger
moved as (

    select
        transactions.customer_id,
        case when transactions.total_amount < 0 then 'CLAWBACK' else 'EARN' end as entry_type,
        transactions.transaction_id,
        transactions.transaction_date as entry_at,
        points_of_amounts.rule_ids,
        points_of_amounts.rules_from_batch,
        {{ 'starts.opening_points' if amends() else 'cast(null as bigint)' }} as opening_points,
        {{ 'starts.keep_through' if amends() else 'cast(-1 as bigint)' }} as keep_through,
        {{ 'starts.earned' if amends() else 'cast(0 as bigint)' }} as earned_at_start,
        case when transactions.total_amount < 0 then -1 else 1 end * points_of_amounts.points as points_due
    from transactions
    inner join rules_of_files on transactions.file_id = rules_of_files.file_id
    inner join points_of_amounts
        on
            abs(transactions.total_amount) = points_of_amounts.total_amount
            and rules_of_files.rules_from_batch = points_of_amounts.rules_from_batch
    {%- if amends() %}
    inner join starts on transactions.customer_id = starts.customer_id
    where starts.since is null or transactions.transaction_date >= starts.since
    {%- else %}
    where transactions.customer_id is not null
    {%- endif %}

),

entries as (

    select * from opening
    union all
    select * from moved

),

ordered as (

    select
        *,
        -- in a full build only the opening entry has it
        coalesce(opening_points, first_value(opening_points) over in_order) as opening_balance,
        keep_through + row_number() over in_order as entry_number,
        earned_at_start + sum(points_due) over in_order as due
    from entries
    window in_order as (
        partition by customer_id
        order by
            entry_at nulls first,
            {%- if takes_points_back() %}
            -- at one moment, what was bought comes before what was returned
            case when entry_type = 'CLAWBACK' then 1 else 0 end,
            {%- endif %}
            {{ by_code_point('transaction_id') }}
        rows between unbounded preceding and current row
    )

),

{% if takes_points_back() -%}
-- the sum of what is due may fall below 0, earned points may not: below 0 there is nothing left to take back
covered as (

    select
        *,
        due - least(0, min(due) over (
            partition by customer_id
            order by entry_number
            rows between unbounded preceding and current row
        )) as earned
    from ordered

),

changes as (

    select
        *,
        lag(earned, 1, cast(earned_at_start as {{ sql_type('numeric') }})) over (
            partition by customer_id
            order by entry_number
        ) as earned_before
    from covered

),
{%- else -%}
-- nothing is ever taken back
changes as (

    select
        *,
        due as earned,
        due - points_due as earned_before
    from ordered

),
{%- endif %}

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['customer_id', 'entry_type', 'transaction_id']) }} as ledger_entry_id,
        customer_id,
        entry_number,
        entry_type,
        transaction_id,
        entry_at,
        rule_ids,
        rules_from_batch,
        cast(case when entry_type = 'OPENING' then opening_balance else earned - earned_before end as bigint) as points,
        cast(opening_balance + earned as bigint) as running_balance
    from changes

)

select * from final
