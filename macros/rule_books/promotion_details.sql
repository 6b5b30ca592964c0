{#- The columns of a promotion. -#}
{% macro promotion_details_columns() %}
    {{- return([
        key_column('promotion_id', 10),
        text_column('promotion_name', 100),
        date_column('start_date'),
        date_column('end_date'),
        decimal_column('discount_percentage', 5, 2),
        text_column('applicable_category', 50),
    ]) -}}
{% endmacro %}

{#- The rule book of promotions. -#}
{% macro promotion_details_rules() %}
    {%- set columns = promotion_details_columns() -%}
    {{- return(rule_book('promotion_details', rules_of_key(columns, 'promotion_id') + [
        rule_value_missing('start_date'),
        rule_invalid(columns, 'start_date'),
        rule_value_missing('end_date'),
        rule_invalid(columns, 'end_date'),
        rule(
            'end_date_before_start_date',
            ['start_date', 'end_date'],
            is_at_least('end_date_read', 'start_date_read'),
            'end_date is before start_date'
        ),
        rule_value_missing('discount_percentage'),
        rule_invalid(columns, 'discount_percentage'),
        rule_out_of_range('discount_percentage', 0, 1),
        rule_missing('promotion_name', 'warn'),
        rule_too_long(columns, 'promotion_name', 'warn'),
        rule_rounded(columns, 'discount_percentage'),
        rule_missing('applicable_category', 'warn'),
        rule_too_long(columns, 'applicable_category', 'warn'),
    ])) -}}
{% endmacro %}
