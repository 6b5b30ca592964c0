{#- The columns of a customer. The opening balance is the first usable one that was delivered, 0 if none was. An unusable last
    purchase date counts as none. -#}
{% macro customer_details_columns() %}
    {{- return([
        key_column('customer_id', 20),
        text_column('first_name', 50),
        text_column('email', 100),
        text_column('loyalty_status', 20),
        integer_column('total_loyalty_points', clean='coalesce(opening_points, 0)'),
        date_column(
            'last_purchase_date',
            clean='case when ' ~ is_not_in_future('last_purchase_date_read') ~ ' then last_purchase_date_read end'
        ),
        ignored_column('segment_id'),
    ]) -}}
{% endmacro %}

{#- A balance opens the account once: the till's later ones already contain what the ledger has added. -#}
{% macro customer_details_opening() %}
    {{- return({
        'name': 'opening_points',
        'sql': 'case when total_loyalty_points_read >= 0 then total_loyalty_points_read end',
    }) -}}
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
        rule(
            'total_loyalty_points_restated',
            ['total_loyalty_points'],
            'coalesce(total_loyalty_points_read < 0 or total_loyalty_points_read = opening_points, true)',
            'total_loyalty_points is not the balance that an earlier delivery opened the account with: that one stays',
            'warn',
            of_row=false
        ),
        rule_invalid(columns, 'last_purchase_date', 'warn'),
        rule_in_future('last_purchase_date', 'warn'),
    ])) -}}
{% endmacro %}
