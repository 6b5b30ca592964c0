{#- The seven tables, in the order in which they are judged, and what each one's book says. -#}
{% macro checked_tables() %}
    {{- return([
        'stores',
        'products',
        'customer_details',
        'promotion_details',
        'loyalty_rules',
        'store_sales_header',
        'store_sales_line_items',
    ]) -}}
{% endmacro %}

{#- The two whose rows are facts: what was clean once stays as it is. The others are master data, which the latest delivery
    replaces. -#}
{% macro fact_tables() %}{{ return(['store_sales_header', 'store_sales_line_items']) }}{% endmacro %}

{#- What a line must be to become a row at all; `retail load` judges it, file by file, and dbt seed refuses the file. -#}
{% macro line_rules_of_files() %}
    {%- set kept_for = 'that a line is a row' -%}
    {{- return([
        rule('line_too_few_fields', [], 'true', 'the line has fewer fields than the header', kept_for=kept_for),
        rule('line_too_many_fields', [], 'true', 'the line has more fields than the header', kept_for=kept_for),
        rule('line_quote_invalid', [], 'true', 'a quoted cell of the line does not end properly', kept_for=kept_for),
        rule('line_encoding_invalid', [], 'true', 'the line holds bytes that are no UTF-8 text', kept_for=kept_for),
        rule('line_too_long', [], 'true', 'the line is longer than any row', kept_for=kept_for),
    ]) -}}
{% endmacro %}

{#- The columns that identify a row of a table. -#}
{% macro key_of(table) %}
    {%- set keys = {
        'stores': ['store_id'],
        'products': ['product_id'],
        'customer_details': ['customer_id'],
        'promotion_details': ['promotion_id'],
        'loyalty_rules': ['rule_id'],
        'store_sales_header': ['transaction_id'],
        'store_sales_line_items': ['transaction_id', 'line_item_id'],
    } -%}
    {{- return(keys[table]) -}}
{% endmacro %}

{% macro columns_of(table) %}{{ return(context[table ~ '_columns']()) }}{% endmacro %}

{#- A table's rule book, or the part of it that the macro of this name states, with the severities that are wanted. -#}
{% macro rules_of(table, part=none) %}
    {{- return(with_wanted_severities(table, context[part or table ~ '_rules']())) -}}
{% endmacro %}
