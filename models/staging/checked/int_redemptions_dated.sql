{{ config(meta={'unlogged': true, 'analyze': true}) }}
{%- set redemptions, transactions = ref('int_loyalty_redemptions_validated'), ref('int_redeemers_transactions') %}
{% if not redeems_points() %}
select
    cast(null as bigint) as source_row_number,
    cast(null as {{ sql_type('varchar(20)') }}) as customer_id,
    cast(null as {{ sql_type('varchar(30)') }}) as redemption_id,
    cast(null as {{ sql_type('timestamp') }}) as redeemed_at,
    cast(null as bigint) as points,
    cast(null as integer) as batch_id
where false
{% else %}
with

valid_redemptions as (

    select
        *,
        'loyalty_redemptions' as source_table
    from {{ redemptions }}
    where is_valid

),

delivered as (

    {{ rows_delivered('valid_redemptions') }}

),

transactions as (

    select * from {{ transactions }}

),

final as (

    select
        valid_redemptions.source_row_number,
        valid_redemptions.customer_id,
        valid_redemptions.redemption_id,
        valid_redemptions.redeemed_at,
        cast(valid_redemptions.points as bigint) as points,
        greatest(delivered.batch_id, coalesce(transactions.batch_id, 0)) as batch_id
    from valid_redemptions
    inner join delivered on valid_redemptions.source_row_number = delivered.source_row_number
    left join transactions on valid_redemptions.transaction_id = transactions.transaction_id

)

select * from final
{% endif %}
