{#- The columns of a customer. An unusable opening balance counts as 0, an unusable last purchase date as none. -#}
{% macro customer_details_columns() %}
    {{- return([
        key_column('customer_id', 20),
        text_column('first_name', 50),
        text_column('email', 100),
        text_column('loyalty_status', 20),
        integer_column('total_loyalty_points', clean='greatest(coalesce(total_loyalty_points_read, 0), 0)'),
        date_column(
            'last_purchase_date',
            clean='case when ' ~ is_not_in_future('last_purchase_date_read') ~ ' then last_purchase_date_read end'
        ),
        ignored_column('segment_id'),
    ]) -}}
{% endmacro %}

{#- The rule book of customers. -#}
{% macro customer_details_rules() %}
    {%- set columns = customer_details_columns() -%}
    {{- return(rule_book('customer_details', rules_of_key(columns, 'customer_id') + [
        rule_missing('first_name', 'warn'),
        rule_too_long(columns, 'first_name', 'warn'),
        rule('email_invalid', ['email'], is_email('email'), 'email does not look like an address', 'warn'),
        rule_too_long(columns, 'email', 'warn'),
        rule_too_long(columns, 'loyalty_status', 'warn'),
        rule_value_missing('total_loyalty_points', 'warn'),
        rule_invalid(columns, 'total_loyalty_points', 'warn'),
        rule_negative('total_loyalty_points', 'warn'),
        rule_invalid(columns, 'last_purchase_date', 'warn'),
        rule_in_future('last_purchase_date', 'warn'),
    ])) -}}
{% endmacro %}
