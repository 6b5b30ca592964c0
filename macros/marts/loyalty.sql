{#- The points that a rule gives for an amount: whole points, counted in decimals. loyalty_points calls it for each amount and each
    rule that the amount is eligible for. -#}
{% macro points_of(amount, rule) %}
    {{- return(
        'cast(floor(' ~ amount ~ ' * ' ~ rule ~ '.points_per_unit_spend) + ' ~ rule ~ '.bonus_points as bigint)'
    ) -}}
{% endmacro %}

{#- The order in which the eligible rules of an amount are preferred; rule_order settles what is left. -#}
{% macro loyalty_rule_preference() %}
    {%- if setting('loyalty_rule_policy') == 'highest_threshold' -%}
        {{- return('min_spend_threshold desc, points desc, rule_order') -}}
    {%- endif -%}
    {{- return('points desc, min_spend_threshold desc, rule_order') -}}
{% endmacro %}

{#- Whether a build sees an entry of the ledger: points expire by the as-of date, all else is seen through the var as_of_date.

    entry_type, entry_at  SQL of the entry
    as_of                 name of the row of as_of -#}
{% macro entry_is_seen(entry_type, entry_at, as_of='as_of') -%}
    case
                when {{ entry_at }} is null then true
                when {{ entry_type }} = 'EXPIRE' then cast({{ entry_at }} as date) <= {{ as_of }}.as_of_date
                else {{ is_seen(entry_at) }}
            end
{%- endmacro %}

{#- Whether a clean total may be below 0, so that points may have to be taken back. -#}
{% macro takes_points_back() %}
    {{- return(setting('accept_returns') or not rejects(store_sales_header_rules(), 'total_amount_not_positive')) -}}
{% endmacro %}

{#- Whether redemptions of points are delivered: the seed may be empty, but a load that never brought one has no table. -#}
{% macro redeems_points() %}
    {%- set landed = source('landing', 'raw_loyalty_redemptions') if lands() -%}
    {{- return(not landed or not execute or load_relation(landed) is not none) -}}
{% endmacro %}

{#- SQL that selects the valid redemptions up to the as-of date; only those of affected customers where the build amends. -#}
{% macro redemptions_of_customers() %}
    select
        customer_id,
        redemption_id,
        redeemed_at,
        cast(points as bigint) as points
    from ({{ rows_of_affected_customers(ref('stg_loyalty_redemptions')) }}) as redemptions
    where {{ is_seen('redeemed_at') }}
{% endmacro %}

{#- Whether a tier needs points that were earned lately, not a balance. -#}
{% macro tiers_by_earned_points() %}{{ return(setting('tier_basis') == 'earned_12_months') }}{% endmacro %}

{#- The last day whose purchases no longer count for a tier, as SQL.

    as_of_date  SQL of the as-of date -#}
{% macro tier_months_begin_after(as_of_date) %}{{ return(months_before(as_of_date, 12)) }}{% endmacro %}

{#- Whether points expire at all. -#}
{% macro points_expire() %}{{ return(setting('points_expire_after_months') is not none) }}{% endmacro %}

{#- The last day on which points earned on a day or at a moment count: the end of a month. Null if points never expire. -#}
{% macro points_expire_on(earned_at) %}
    {%- if not points_expire() -%}{{- return('cast(null as date)') -}}{%- endif -%}
    {{- return(end_of_month(earned_at, setting('points_expire_after_months'))) -}}
{% endmacro %}

{#- The same for the opening balance: only a var may say when its points were earned. -#}
{% macro opening_expires_on() %}
    {%- set earned_on = setting('opening_points_earned_on') -%}
    {{- return(points_expire_on(date_literal(earned_on)) if earned_on else 'cast(null as date)') -}}
{% endmacro %}

{#- Aggregate over lots and the as-of date: the points that expire within so many days. -#}
{% macro points_expiring_within(days) -%}
    cast(coalesce(
            sum(case when {{ days_between('as_of.as_of_date', 'lots.expires_on') }} <= {{ days }} then lots.points_left end), 0
        ) as bigint)
{%- endmacro %}

{#- Whether a line gives something back.

    prefix  of its columns -#}
{% macro is_returned_line(prefix='') %}
    {%- if not setting('accept_returns') -%}{{- return('false') -}}{%- endif -%}
    {{- return(
        'coalesce(' ~ prefix ~ 'quantity < 0 and coalesce(' ~ prefix ~ 'line_item_amount, 0) <= 0, false)'
    ) -}}
{% endmacro %}

{#- SQL that selects amounts with their points and the rules that gave them.

    amounts        a CTE with total_amount and rules_from_batch, each pair once: the delivery whose rules are meant
    rule_versions  a CTE with int_loyalty_rule_versions -#}
{% macro price_amounts(amounts, rule_versions) %}
    {%- set is_stack = setting('loyalty_rule_policy') == 'stack' %}
    select
        {{ amounts }}.total_amount,
        {{ amounts }}.rules_from_batch,
        awarded.rule_ids,
        coalesce(awarded.points, 0) as points
    from {{ amounts }}
    left join (
        select
            total_amount,
            rules_from_batch,
            {{ join_in_order('rule_id', '+', 'rule_order') if is_stack else 'rule_id' }} as rule_ids,
            {{ 'cast(sum(points) as bigint)' if is_stack else 'points' }} as points
        from (
            select
                eligible.*,
                row_number() over (
                    partition by total_amount, rules_from_batch
                    order by {{ loyalty_rule_preference() }}
                ) as preference
            from (
                select
                    amounts_to_price.total_amount,
                    amounts_to_price.rules_from_batch,
                    rules.rule_id,
                    rules.rule_order,
                    rules.min_spend_threshold,
                    {{ points_of('amounts_to_price.total_amount', 'rules') }} as points
                from {{ amounts }} as amounts_to_price
                inner join ({{ ordered_rules(amounts, rule_versions) }}) as rules
                    on
                        amounts_to_price.rules_from_batch = rules.rules_from_batch
                        and amounts_to_price.total_amount >= rules.min_spend_threshold
                        and amounts_to_price.total_amount > 0
            ) as eligible
        ) as preferred
        {{ 'group by total_amount, rules_from_batch' if is_stack else 'where preference = 1' }}
    ) as awarded
        on
            {{ amounts }}.total_amount = awarded.total_amount
            and {{ amounts }}.rules_from_batch = awarded.rules_from_batch
{% endmacro %}

{#- SQL that selects the rules in force as of each delivery that is asked for. rule_ids go by number where all of them are whole
    numbers, else by code point. -#}
{% macro ordered_rules(amounts, rule_versions) %}
    select
        *,
        row_number() over (
            partition by rules_from_batch
            order by
                case when all_are_numbers then rule_number end,
                {{ by_code_point('rule_id') }}
        ) as rule_order
    from (
        select
            in_force.*,
            bool_and(in_force.rule_number is not null) over (partition by in_force.rules_from_batch) as all_are_numbers
        from (
            select
                asked.rules_from_batch,
                {{ prefixed(rule_versions ~ '.', loyalty_rules_columns() | map(attribute='name')) | join(',\n                ') }},
                {{ read_integer(rule_versions ~ '.rule_id') }} as rule_number
            from (select distinct rules_from_batch from {{ amounts }}) as asked
            inner join {{ rule_versions }}
                on
                    asked.rules_from_batch >= {{ rule_versions }}.valid_from_batch
                    and asked.rules_from_batch <= coalesce({{ rule_versions }}.valid_through_batch, asked.rules_from_batch)
        ) as in_force
    ) as counted
{% endmacro %}
