{% macro store_sales_header_columns() %}
    {{- return([
        key_column('transaction_id', 30),
        key_column('customer_id', 20),
        key_column('store_id', 10),
        timestamp_column('transaction_date'),
        decimal_column('total_amount', 10, 2),
    ]) -}}
{% endmacro %}

{#- A header is judged together with its lines: the lines_* columns are what the lines say by themselves. -#}
{% macro store_sales_header_rules() %}
    {%- set columns = store_sales_header_columns() -%}
    {{- return([
        rule_missing('transaction_id'),
        rule_too_long(columns, 'transaction_id'),
        rule_duplicate('transaction_id'),
        rule_conflict('transaction_id'),
        rule_missing('customer_id'),
        rule_unknown('customer_id', 'customer_details'),
        rule_parent_rejected('customer_id', 'customer_details'),
        rule_missing('store_id'),
        rule_unknown('store_id', 'stores'),
        rule_parent_rejected('store_id', 'stores'),
        rule_value_missing('transaction_date'),
        rule_invalid(columns, 'transaction_date'),
        rule_in_future('transaction_date'),
        rule_value_missing('total_amount'),
        rule_invalid(columns, 'total_amount'),
        rule_not_positive('total_amount', value='round(total_amount_read, 2)'),
        rule(
            'total_amount_mismatch',
            ['total_amount'],
            is_at_most('abs(total_amount_read - lines_amount)', var('total_tolerance')),
            'total_amount differs from the sum of its lines by more than ' ~ var('total_tolerance')
        ),
        rule(
            'no_line_items',
            ['transaction_id'],
            'transaction_id is null or lines_count is not null',
            'the transaction has no lines'
        ),
        rule(
            'line_item_rejected',
            ['transaction_id'],
            'lines_at_fault is null',
            'a line of the transaction was rejected',
            caused_by='lines_at_fault'
        ),
        rule_rounded(columns, 'total_amount'),
        rule(
            'transaction_date_before_opening',
            ['transaction_date', 'store_id'],
            is_at_least('cast(transaction_date_read as date)', 'store_opening_date'),
            'the sale was before the opening date of its store',
            'warn'
        ),
    ]) -}}
{% endmacro %}
