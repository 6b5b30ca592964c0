{#- Which of a transaction's eligible rules give its points: var loyalty_rule_policy. -#}
{% macro loyalty_rule_policy() %}
    {%- set policy = var('loyalty_rule_policy') -%}
    {%- if policy not in ['best', 'highest_threshold', 'stack'] -%}
        {{- exceptions.raise_compiler_error(
            "var loyalty_rule_policy is '" ~ policy ~ "': use best, highest_threshold or stack"
        ) -}}
    {%- endif -%}
    {{- return(policy) -}}
{% endmacro %}

{#- The order in which the eligible rules of an amount are preferred; rule_order settles what is left. -#}
{% macro loyalty_rule_preference() %}
    {%- if loyalty_rule_policy() == 'highest_threshold' -%}
        {{- return('min_spend_threshold desc, points desc, rule_order') -}}
    {%- endif -%}
    {{- return('points desc, min_spend_threshold desc, rule_order') -}}
{% endmacro %}

{#- Whether a clean total may be below 0, so that points may have to be taken back. -#}
{% macro takes_points_back() %}
    {{- return(bool_var('accept_returns') or not rejects(store_sales_header_rules(), 'total_amount_not_positive')) -}}
{% endmacro %}
