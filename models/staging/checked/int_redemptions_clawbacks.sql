{{ config(meta={'unlogged': true, 'analyze': true}) }}
{%- set redemptions, transactions = ref('int_redemptions_dated'), ref('int_redeemers_transactions') %}
{%- set line_items, versions = ref('checked_store_sales_line_items'), ref('int_loyalty_rule_versions') %}
{% if not redeems_points() or not takes_points_back() %}
select
    cast(null as {{ sql_type('varchar(20)') }}) as customer_id,
    cast(null as integer) as batch_id,
    cast(null as {{ sql_type('varchar(30)') }}) as transaction_id,
    cast(null as {{ sql_type('timestamp') }}) as transaction_date,
    cast(null as {{ sql_type('varchar(30)') }}) as purchase_id,
    cast(null as {{ sql_type('timestamp') }}) as purchase_date,
    cast(null as bigint) as points_due
where false
{% else %}
with

redemptions as (

    select * from {{ redemptions }}

),

-- all transactions of the customers who return something
transactions as (

    select * from {{ transactions }}
    where
        customer_id in (
            select customer_id from {{ transactions }}
            where is_return
        )

),

line_items as (

    select checked.*
    from (select * from {{ line_items }}) as checked
    inner join transactions on {{ is_same_transaction('checked', 'transactions') }}
    where checked.is_valid

),

rule_versions as (

    select * from {{ versions }}

),

-- a customer's account as it was known after a delivery, up to the last redemption of that delivery
accounts as (

    select
        customer_id,
        batch_id,
        max(redeemed_at) as until,
        cast(batch_id as {{ sql_type('text') }}) || ':' as prefix
    from redemptions
    group by customer_id, batch_id

),

-- the ids of an account begin with its delivery, so that accounts don't mix
transactions_of_accounts as (

    select
        accounts.prefix || transactions.customer_id as customer_id,
        accounts.prefix || transactions.transaction_id as transaction_id,
        transactions.transaction_id as delivered_id,
        transactions.customer_id as delivered_customer_id,
        accounts.batch_id,
        transactions.transaction_date,
        transactions.total_amount,
        transactions.rules_from_batch,
        transactions.is_return,
        transactions.sale_amount is not null as has_sale,
        transactions.sale_amount
    from transactions
    inner join accounts
        on
            transactions.customer_id = accounts.customer_id
            and transactions.batch_id <= accounts.batch_id
            and transactions.transaction_date <= accounts.until

),

returns_of_accounts as (

    select * from transactions_of_accounts
    where is_return

),

line_items_of_accounts as (

    select
        transactions_of_accounts.transaction_id,
        line_items.line_item_id,
        line_items.product_id,
        line_items.quantity,
        line_items.line_item_amount
    from line_items
    inner join transactions_of_accounts on line_items.transaction_id = transactions_of_accounts.delivered_id

),

clawbacks as (

    {{ points_to_take_back(
        'returns_of_accounts', 'transactions_of_accounts', 'line_items_of_accounts', 'rule_versions'
    ) }}

),

final as (

    select
        returns.delivered_customer_id as customer_id,
        returns.batch_id,
        returns.delivered_id as transaction_id,
        clawbacks.transaction_date,
        purchases.delivered_id as purchase_id,
        clawbacks.purchase_date,
        clawbacks.points_due
    from clawbacks
    inner join transactions_of_accounts as returns on clawbacks.transaction_id = returns.transaction_id
    left join transactions_of_accounts as purchases on clawbacks.purchase_id = purchases.transaction_id

)

select * from final
{% endif %}
