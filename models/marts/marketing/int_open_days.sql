with

headers as (

    select * from {{ ref('store_sales_header') }}

),

days as (

    select distinct
        store_id,
        cast(transaction_date as date) as open_on
    from headers
    where
        store_id is not null
        and total_amount > 0
        and {{ is_seen('transaction_date') }}

),

final as (

    select
        store_id,
        open_on,
        cast(row_number() over (partition by store_id order by open_on) as integer) as day_number
    from days

)

select * from final
