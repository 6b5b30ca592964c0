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
        cast(total_loyalty_points as bigint) as points
    from customers

),

earned as (

    select
        transactions.customer_id,
        'EARN' as entry_type,
        transactions.transaction_id,
        transactions.transaction_date as entry_at,
        points_of_amounts.rule_ids,
        points_of_amounts.points
    from transactions
    inner join points_of_amounts on transactions.total_amount = points_of_amounts.total_amount

),

entries as (

    select * from opening
    union all
    select * from earned

),

numbered as (

    select
        *,
        row_number() over (
            partition by customer_id
            order by entry_at nulls first, {{ by_code_point('transaction_id') }}
        ) - 1 as entry_number
    from entries

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
        points,
        cast(
            sum(points) over (
                partition by customer_id
                order by entry_number
                rows between unbounded preceding and current row
            ) as bigint
        ) as running_balance
    from numbered

)

select * from final
