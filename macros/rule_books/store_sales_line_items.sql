{#- The columns of a line item. -#}
{% macro store_sales_line_items_columns() %}
    {{- return([
        text_column('line_item_id', 100),
        key_column('transaction_id', 30),
        key_column('product_id', 20),
        key_column('promotion_id', 10),
        integer_column('quantity'),
        decimal_column('line_item_amount', 10, 2),
    ]) -}}
{% endmacro %}

{#- The whole book. A line is judged by itself first, then through its transaction. -#}
{% macro store_sales_line_items_rules() %}
    {{- return(line_item_rules_of_row() + line_item_rules_of_transaction()) -}}
{% endmacro %}

{#- What is judged before the headers are: the line by itself. -#}
{% macro line_item_rules_of_row() %}
    {%- set columns = store_sales_line_items_columns() -%}
    {{- return(rule_book('store_sales_line_items', rules_of_key(columns, 'line_item_id', within='transaction') + [
        rule_missing('transaction_id', kept_for='the primary key'),
        rule_missing('product_id'),
        rule_unknown('product_id', 'products'),
        rule_parent_rejected('product_id', 'products'),
        rule_unknown('promotion_id', 'promotion_details'),
        rule_parent_rejected('promotion_id', 'promotion_details'),
        rule_value_missing('quantity'),
        rule_invalid(columns, 'quantity'),
    ] + line_item_rules_of_sign(columns) + [
        rule_rounded(columns, 'line_item_amount'),
        rule_zero('line_item_amount', 'a free item'),
    ])) -}}
{% endmacro %}

{#- Which signs are allowed. With the var accept_returns, a return has a negative quantity and a negative amount. -#}
{% macro line_item_rules_of_sign(columns) %}
    {%- set amount_is_read = [rule_value_missing('line_item_amount'), rule_invalid(columns, 'line_item_amount')] -%}
    {%- if not setting('accept_returns') -%}
        {{- return([rule_not_positive('quantity')] + amount_is_read + [rule_negative('line_item_amount')]) -}}
    {%- endif -%}
    {{- return([
        rule('quantity_not_positive', ['quantity'], is_not_zero('quantity_read'), 'quantity is 0')
    ] + amount_is_read + [
        rule(
            'line_item_amount_negative',
            ['line_item_amount', 'quantity'],
            'coalesce(line_item_amount_read >= 0 or quantity_read < 0, true)',
            'line_item_amount is below 0, but quantity is not'
        ),
        rule(
            'line_item_amount_positive',
            ['line_item_amount', 'quantity'],
            'coalesce(line_item_amount_read <= 0 or quantity_read >= 0, true)',
            'line_item_amount is above 0, but quantity is below 0'
        ),
    ]) -}}
{% endmacro %}

{#- What is judged after the headers are: the line through its transaction. -#}
{% macro line_item_rules_of_transaction() %}
    {%- set kept_for = 'whole transactions' -%}
    {{- return(rule_book('store_sales_line_items', [
        rule_unknown('transaction_id', 'store_sales_header'),
        rule(
            'transaction_rejected',
            ['transaction_id'],
            'coalesce(transaction_id_parent_is_valid, true)',
            'the transaction of the line was rejected',
            caused_by=caused_by_parent('transaction_id', 'store_sales_header'),
            parent='store_sales_header',
            kept_for=kept_for,
            of_row=false
        ),
        rule(
            'transaction_id_closed',
            ['transaction_id'],
            'coalesce(file_id <= header_closed_through_file_id, true)',
            'the transaction was complete before this line was delivered',
            kept_for='clean transactions from late changes',
            of_row=false
        ),
        rule(
            'promotion_id_outside_dates',
            ['promotion_id'],
            is_between('cast(transaction_date as date)', 'promotion_start_date', 'promotion_end_date'),
            'the promotion was used outside its dates',
            'warn',
            kept_for=kept_for,
            of_row=false
        ),
        rule(
            'promotion_id_other_category',
            ['promotion_id'],
            "promotion_category is null or promotion_category in ('ALL', coalesce(product_category, 'ALL'))",
            'the promotion was used for a product of another category',
            'warn',
            kept_for=kept_for,
            of_row=false
        ),
    ])) -}}
{% endmacro %}
