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

{% macro columns_of(table) %}{{ return(context[table ~ '_columns']()) }}{% endmacro %}

{% macro rules_of(table) %}{{ return(context[table ~ '_rules']()) }}{% endmacro %}
