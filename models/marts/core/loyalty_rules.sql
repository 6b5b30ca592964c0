{{ config(materialized='amended_table', meta={'merge_on': 'rule_id'}) }}

with

valid as (

    select * from {{ ref('stg_loyalty_rules') }}

),

final as (

    select
        rule_id,
        rule_name,
        points_per_unit_spend,
        min_spend_threshold,
        bonus_points
    from valid

)

select * from final
