{{ config(
    materialized='amended_table',
    indexes=[{'columns': ['total_amount', 'rules_from_batch'], 'unique': true}],
    meta={
        'merge_on': 'total_amount, rules_from_batch',
        'append': true,
        'follows_repairs': true,
    }
) }}
-- Points depend on the amount and the rules alone, so they are computed once per distinct pair. They are computed here,
-- at the same time as the rejects, because the ledger waits for them.
with

transactions as (

    {{ affected_rows(ref('checked_store_sales_header')) }}

),

rules_of_files as (

    select * from {{ ref('int_files_loyalty_rules') }}

),

rule_versions as (

    select * from {{ ref('int_loyalty_rule_versions') }}

),

amounts as (

    -- a return is worth what a purchase of the same amount is worth
    select distinct
        abs(transactions.total_amount) as total_amount,
        rules_of_files.rules_from_batch
    from transactions
    inner join rules_of_files on transactions.file_id = rules_of_files.file_id
    where transactions.is_valid

),

final as (

    {{ price_amounts('amounts', 'rule_versions') }}

)

select * from final
