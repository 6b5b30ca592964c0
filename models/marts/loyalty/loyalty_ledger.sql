with

customers as (

    select * from {{ ref('stg_customer_details') }}

),

transactions as (

    select * from {{ ref('stg_store_sales_header') }}

),

points_of_amounts as (

    select * from {{ ref('loyalty_points') }}

),

opening as (

    select
        customer_id,
        'OPENING' as entry_type,
        cast(null as varchar(30)) as transaction_id,
        cast(null as timestamp) as entry_at,
        cast(null as text) as rule_ids,
        cast(total_loyalty_points as bigint) as opening_points,
        cast(0 as bigint) as points_due
    from customers

),

-- guests have no ledger
moved as (

    select
        transactions.customer_id,
        case when transactions.total_amount < 0 then 'CLAWBACK' else 'EARN' end as entry_type,
        transactions.transaction_id,
        transactions.transaction_date as entry_at,
        points_of_amounts.rule_ids,
        cast(customers.total_loyalty_points as bigint) as opening_points,
        case when transactions.total_amount < 0 then -1 else 1 end * points_of_amounts.points as points_due
    from transactions
    inner join customers on transactions.customer_id = customers.customer_id
    inner join points_of_amounts on abs(transactions.total_amount) = points_of_amounts.total_amount

),

entries as (

    select * from opening
    union all
    select * from moved

),

ordered as (

    select
        *,
        row_number() over in_order - 1 as entry_number,
        sum(points_due) over in_order as due
    from entries
    window in_order as (
        partition by customer_id
        order by entry_at nulls first, {{ by_code_point('transaction_id') }}
        rows between unbounded preceding and current row
    )

),

-- what is due may sink below 0, what was earned may not: as far as it has sunk, nothing was there to be taken back
covered as (

    select
        *,
        due - min(due) over (
            partition by customer_id
            order by entry_number
            rows between unbounded preceding and current row
        ) as earned
    from ordered

),

changes as (

    select
        *,
        lag(earned) over (
            partition by customer_id
            order by entry_number
        ) as earned_before
    from covered

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['customer_id', 'entry_type', 'transaction_id']) }} as ledger_entry_id,
        customer_id,
        entry_number,
        entry_type,
        transaction_id,
        entry_at,
        rule_ids,
        cast(case when entry_type = 'OPENING' then opening_points else earned - earned_before end as bigint) as points,
        cast(opening_points + earned as bigint) as running_balance
    from changes

)

select * from final
