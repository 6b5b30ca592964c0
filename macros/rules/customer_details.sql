{#- An opening balance that nobody can use counts as 0, a last purchase that nobody can believe as none. -#}
{% macro customer_details_columns() %}
    {{- return([
        key_column('customer_id', 20),
        text_column('first_name'),
        text_column('email'),
        text_column('loyalty_status'),
        integer_column('total_loyalty_points', clean='greatest(coalesce(total_loyalty_points_read, 0), 0)'),
        date_column(
            'last_purchase_date',
            clean='case when ' ~ is_not_in_future('last_purchase_date_read') ~ ' then last_purchase_date_read end'
        ),
        ignored_column('segment_id'),
    ]) -}}
{% endmacro %}

{% macro customer_details_rules() %}
    {{- return([
        rule_missing('customer_id'),
        rule_too_long('customer_id', 20),
        rule_duplicate('customer_id'),
        rule_conflict('customer_id'),
        rule_missing('first_name', 'warn'),
        rule_too_long('first_name', 50, 'warn'),
        rule('email_invalid', ['email'], is_email('email'), 'email does not look like an address', 'warn'),
        rule_too_long('email', 100, 'warn'),
        rule_too_long('loyalty_status', 20, 'warn'),
        rule_value_missing('total_loyalty_points', 'warn'),
        rule_invalid('total_loyalty_points', a_whole_number(), 'warn'),
        rule_negative('total_loyalty_points', 'warn'),
        rule_invalid('last_purchase_date', a_date(), 'warn'),
        rule_in_future('last_purchase_date', 'warn'),
    ]) -}}
{% endmacro %}
