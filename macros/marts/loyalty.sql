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

{#- Whether a clean total may be below 0, so that points may have to be taken back. -#}
{% macro takes_points_back() %}
    {{- return(setting('accept_returns') or not rejects(store_sales_header_rules(), 'total_amount_not_positive')) -}}
{% endmacro %}
