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
