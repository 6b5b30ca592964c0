{{ config(
    materialized='amended_table',
    indexes=[{'columns': ['total_amount'], 'unique': true}],
    meta={
        'merge_on': 'total_amount',
        'append': true,
        'follows_repairs': true,
    }
) }}
-- Points depend on the amount alone, so they are computed once per distinct amount. They are computed here, at the same
-- time as the rejects, because the ledger waits for them.
with

transactions as (

    {{ affected_rows(ref('checked_store_sales_header')) }}

),

rules as (

    select {{ typed_columns(loyalty_rules_columns()) }}
    from {{ ref('checked_loyalty_rules') }}
    where is_valid

),

-- rule_ids go by number where all of them are whole numbers, else by code point
numbered_rules as (

    select
        *,
        {{ read_integer('rule_id') }} as rule_number
    from rules

),

ordered_rules as (

    select
        *,
        row_number() over (
            order by
                case when all_are_numbers then rule_number end,
                {{ by_code_point('rule_id') }}
        ) as rule_order
    from (
        select
            *,
            bool_and(rule_number is not null) over () as all_are_numbers
        from numbered_rules
    ) as counted

),

amounts as (

    -- a return is worth what a purchase of the same amount is worth
    select distinct abs(total_amount) as total_amount
    from transactions
    where is_valid

),

eligible as (

    select
        amounts.total_amount,
        ordered_rules.rule_id,
        ordered_rules.rule_order,
        ordered_rules.min_spend_threshold,
        {{ points_of('amounts.total_amount', 'ordered_rules') }} as points
    from amounts
    inner join ordered_rules
        on
            amounts.total_amount >= ordered_rules.min_spend_threshold
            and amounts.total_amount > 0

),

{% if setting('loyalty_rule_policy') == 'stack' -%}
awarded as (

    select
        total_amount,
        {{ join_in_order('rule_id', '+', 'rule_order') }} as rule_ids,
        cast(sum(points) as bigint) as points
    from eligible
    group by total_amount

),
{%- else -%}
preferred as (

    select
        *,
        row_number() over (
            partition by total_amount
            order by {{ loyalty_rule_preference() }}
        ) as preference
    from eligible

),

awarded as (

    select
        total_amount,
        rule_id as rule_ids,
        points
    from preferred
    where preference = 1

),
{%- endif %}

final as (

    select
        amounts.total_amount,
        awarded.rule_ids,
        coalesce(awarded.points, 0) as points
    from amounts
    left join awarded on amounts.total_amount = awarded.total_amount

)

select * from final
