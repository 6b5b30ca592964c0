{#- The columns of a redemption of points. -#}
{% macro loyalty_redemptions_columns() %}
    {{- return([
        key_column('redemption_id', 30),
        key_column('customer_id', 20),
        timestamp_column('redeemed_at'),
        integer_column('points'),
        key_column('transaction_id', 30),
    ]) -}}
{% endmacro %}

{#- The whole book. A redemption is judged by itself first, then against the balance. -#}
{% macro loyalty_redemptions_rules() %}
    {{- return(redemption_rules_of_row() + redemption_rules_of_balance()) -}}
{% endmacro %}

{#- What is judged before the balance is known: the redemption by itself. -#}
{% macro redemption_rules_of_row() %}
    {%- set columns = loyalty_redemptions_columns() -%}
    {%- set kept_for = 'the ledger' -%}
    {{- return(rule_book('loyalty_redemptions', rules_of_key(columns, 'redemption_id') + [
        rule_missing('customer_id', kept_for=kept_for),
        rule_unknown('customer_id', 'customer_details'),
        rule_parent_rejected('customer_id', 'customer_details'),
        rule_value_missing('redeemed_at', kept_for=kept_for),
        rule_invalid(columns, 'redeemed_at', kept_for=kept_for),
        rule_in_future('redeemed_at'),
        rule_value_missing('points', kept_for=kept_for),
        rule_invalid(columns, 'points', kept_for=kept_for),
        rule_not_positive('points', kept_for=kept_for),
        rule_unknown('transaction_id', 'store_sales_header'),
        rule_parent_rejected('transaction_id', 'store_sales_header'),
        rule(
            'transaction_id_other_customer',
            ['transaction_id', 'customer_id'],
            'customer_id is null or not coalesce(transaction_id_parent_is_valid, false)'
            ~ ' or coalesce(transaction_customer_id = customer_id, false)',
            'the transaction is not one of this customer',
            of_row=false
        ),
    ])) -}}
{% endmacro %}

{#- What is judged last: whether the balance at its moment covered it (int_redemptions_covered). -#}
{% macro redemption_rules_of_balance() %}
    {{- return(rule_book('loyalty_redemptions', [
        rule(
            'points_exceed_balance',
            ['points'],
            'coalesce(points <= balance_before, true)',
            'points are more than the balance at that moment',
            detail='balance_before',
            kept_for='the ledger',
            of_row=false
        ),
    ])) -}}
{% endmacro %}
