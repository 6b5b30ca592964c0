{#- The columns of a loyalty rule. -#}
{% macro loyalty_rules_columns() %}
    {{- return([
        text_column('rule_id', 100),
        text_column('rule_name', 100),
        exact_decimal_column('points_per_unit_spend', 12, 6),
        decimal_column('min_spend_threshold', 10, 2),
        integer_column('bonus_points'),
    ]) -}}
{% endmacro %}

{#- The rule book of loyalty rules. -#}
{% macro loyalty_rules_rules() %}
    {%- set columns = loyalty_rules_columns() -%}
    {%- set kept_for = 'the points of every transaction' -%}
    {{- return(rule_book('loyalty_rules', rules_of_key(columns, 'rule_id') + [
        rule_value_missing('points_per_unit_spend', kept_for=kept_for),
        rule_invalid(columns, 'points_per_unit_spend', kept_for=kept_for),
        rule_negative('points_per_unit_spend', kept_for=kept_for),
        rule_value_missing('min_spend_threshold', kept_for=kept_for),
        rule_invalid(columns, 'min_spend_threshold', kept_for=kept_for),
        rule_negative('min_spend_threshold', kept_for=kept_for),
        rule_value_missing('bonus_points', kept_for=kept_for),
        rule_invalid(columns, 'bonus_points', kept_for=kept_for),
        rule_negative('bonus_points', kept_for=kept_for),
        rule_missing('rule_name', 'warn'),
        rule_too_long(columns, 'rule_name', 'warn'),
        rule(
            'rule_name_conditional',
            ['rule_name'],
            names_no_season('rule_name'),
            'rule_name speaks of a weekday or season, but no column limits the rule to it: it applies always',
            'warn'
        ),
        rule_rounded(columns, 'min_spend_threshold'),
    ])) -}}
{% endmacro %}
