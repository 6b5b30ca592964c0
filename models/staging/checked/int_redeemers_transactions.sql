{{ config(meta={'unlogged': true, 'analyze': true}) }}
{%- set redemptions = ref('int_loyalty_redemptions_validated') %}
{%- set headers, line_items = ref('checked_store_sales_header'), ref('checked_store_sales_line_items') %}
{%- set versions, rules_of_files = ref('int_loyalty_rule_versions'), ref('int_files_loyalty_rules') %}
-- A transaction is known from the delivery that brought the last row that it needs, or a steward's repair of one.
{% if not redeems_points() %}
select
    cast(null as {{ sql_type('varchar(20)') }}) as customer_id,
    cast(null as {{ sql_type('varchar(30)') }}) as transaction_id,
    cast(null as {{ sql_type('timestamp') }}) as transaction_date,
    cast(null as integer) as batch_id,
    cast(null as {{ sql_type('numeric(10, 2)') }}) as total_amount,
    cast(null as integer) as rules_from_batch,
    cast(null as boolean) as is_return,
    cast(null as {{ sql_type('numeric(20, 2)') }}) as sale_amount,
    cast(null as bigint) as points
where false
{% else %}
with

valid_redemptions as (

    select * from {{ redemptions }}
    where is_valid

),

headers as (

    select * from {{ headers }}
    where
        is_valid
        and customer_id in (select customer_id from valid_redemptions)

),

line_items as (

    select checked.*
    from (select * from {{ line_items }}) as checked
    inner join headers on {{ is_same_transaction('checked', 'headers') }}
    where checked.is_valid

),

rules_of_files as (

    select * from {{ rules_of_files }}

),

rule_versions as (

    select * from {{ versions }}

),

rows_needed as (

    select
        'store_sales_header' as source_table,
        source_row_number,
        transaction_id,
        file_id
    from headers
    union all
    select
        'store_sales_line_items' as source_table,
        source_row_number,
        transaction_id,
        file_id
    from line_items

),

delivered as (

    {{ rows_delivered('rows_needed') }}

),

known_since as (

    select
        rows_needed.transaction_id,
        max(delivered.batch_id) as batch_id
    from rows_needed
    inner join delivered
        on
            rows_needed.source_table = delivered.source_table
            and rows_needed.source_row_number = delivered.source_row_number
    group by rows_needed.transaction_id

),

transactions as (

    select
        headers.customer_id,
        headers.transaction_id,
        headers.transaction_date,
        headers.total_amount,
        rules_of_files.rules_from_batch,
        {%- if setting('loyalty_rules_apply') == 'latest' %}
        known_since.batch_id
        {%- else %}
        greatest(known_since.batch_id, rules_of_files.rules_from_batch) as batch_id
        {%- endif %}
    from headers
    inner join rules_of_files on headers.file_id = rules_of_files.file_id
    inner join known_since on headers.transaction_id = known_since.transaction_id

),
{% if takes_points_back() %}
returns as (

    {{ returning_transactions('transactions', 'line_items', 'rule_versions') }}

),
{% endif %}

lots as (

    select
        transactions.*,
        {%- if takes_points_back() %}
        returns.transaction_id is not null as is_return,
        case when returns.transaction_id is null then transactions.total_amount else returns.sale_amount end as sale_amount
        {%- else %}
        false as is_return,
        transactions.total_amount as sale_amount
        {%- endif %}
    from transactions
    {%- if takes_points_back() %}
    left join returns on transactions.transaction_id = returns.transaction_id
    {%- endif %}

),

amounts as (

    select distinct
        sale_amount as total_amount,
        rules_from_batch
    from lots
    where sale_amount is not null

),

points_of_amounts as (

    {{ price_amounts('amounts', 'rule_versions') }}

),

final as (

    select
        lots.customer_id,
        lots.transaction_id,
        lots.transaction_date,
        lots.batch_id,
        lots.total_amount,
        lots.rules_from_batch,
        lots.is_return,
        lots.sale_amount,
        points_of_amounts.points
    from lots
    left join points_of_amounts
        on
            lots.sale_amount = points_of_amounts.total_amount
            and lots.rules_from_batch = points_of_amounts.rules_from_batch

)

select * from final
{% endif %}
