{{ config(
    materialized='amended_table',
    indexes=[{'columns': ['source_row_number'], 'unique': true}],
    meta={'merge_on': 'source_row_number'}
) }}

with

redemptions as (

    select * from {{ ref('int_loyalty_redemptions_validated') }}

),

balances as (

    select * from {{ ref('int_redemptions_covered') }}

),

rows_to_judge as (

    select
        redemptions.*,
        balances.balance_before
    from redemptions
    left join balances on redemptions.source_row_number = balances.source_row_number

),

final as (

    {{ judge(
        'rows_to_judge',
        loyalty_redemptions_columns(),
        key_of('loyalty_redemptions'),
        redemption_rules_of_balance(),
        judged_before=true,
        also=['balance_before']
    ) }}

)

select * from final
