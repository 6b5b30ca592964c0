{#- The columns of a sales header, the head of a transaction. -#}
{% macro store_sales_header_columns() %}
    {{- return([
        key_column('transaction_id', 30),
        key_column('customer_id', 20),
        key_column('store_id', 10),
        timestamp_column('transaction_date'),
        decimal_column('total_amount', 10, 2),
    ]) -}}
{% endmacro %}

{#- The rule book of sales headers. A header is judged together with its lines: the lines_* columns sum up what the lines say. -#}
{% macro store_sales_header_rules() %}
    {%- set columns = store_sales_header_columns() -%}
    {%- set kept_for = 'the ledger' -%}
    {{- return(rule_book('store_sales_header', rules_of_key(columns, 'transaction_id') + [
        rule_guest(),
        rule_unknown('customer_id', 'customer_details'),
        rule_parent_rejected('customer_id', 'customer_details'),
        rule_missing('store_id'),
        rule_unknown('store_id', 'stores'),
        rule_parent_rejected('store_id', 'stores'),
        rule_value_missing('transaction_date', kept_for=kept_for),
        rule_invalid(columns, 'transaction_date', kept_for=kept_for),
        rule_in_future('transaction_date'),
        rule_value_missing('total_amount', kept_for=kept_for),
        rule_invalid(columns, 'total_amount', kept_for=kept_for),
        rule_total_not_positive(),
        rule(
            'total_amount_mismatch',
            ['total_amount'],
            is_at_most('abs(total_amount_read - lines_amount)', setting('total_tolerance')),
            'total_amount differs from the sum of its lines by more than ' ~ setting('total_tolerance'),
            of_row=false
        ),
        rule(
            'no_line_items',
            ['transaction_id'],
            'transaction_id is null or lines_count is not null',
            'the transaction has no lines',
            of_row=false
        ),
        rule(
            'line_item_rejected',
            ['transaction_id'],
            'lines_at_fault is null',
            'a line of the transaction was rejected',
            caused_by='lines_at_fault',
            kept_for='whole transactions',
            of_row=false
        ),
        rule_rounded(columns, 'total_amount'),
        rule(
            'transaction_date_before_opening',
            ['transaction_date', 'store_id'],
            is_at_least('cast(transaction_date_read as date)', 'store_opening_date'),
            'the sale was before the opening date of its store',
            'warn',
            of_row=false
        ),
    ])) -}}
{% endmacro %}

{#- A transaction without a customer: var allow_guest_transactions. -#}
{% macro rule_guest() %}
    {%- if setting('allow_guest_transactions') -%}
        {{- return(rule(
            'customer_id_missing',
            ['customer_id'],
            is_present('customer_id'),
            'customer_id is blank: a guest, who earns no points',
            'warn'
        )) -}}
    {%- endif -%}
    {{- return(rule_missing('customer_id')) -}}
{% endmacro %}

{#- The total is judged as the clean table would hold it, because 0.004 would be a clean 0.00. With the var accept_returns, a
    transaction with a return may have a total of 0 or less. -#}
{% macro rule_total_not_positive() %}
    {%- set is_positive = is_above_zero('round(total_amount_read, 2)') -%}
    {%- if setting('accept_returns') -%}
        {{- return(rule(
            'total_amount_not_positive',
            ['total_amount'],
            is_positive ~ ' or coalesce(lines_have_return, false)',
            'total_amount is not above 0, and no line is a return',
            of_row=false
        )) -}}
    {%- endif -%}
    {{- return(rule('total_amount_not_positive', ['total_amount'], is_positive, 'total_amount is not above 0')) -}}
{% endmacro %}
