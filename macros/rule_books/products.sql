{#- The columns of a product. -#}
{% macro products_columns() %}
    {{- return([
        key_column('product_id', 20),
        text_column('product_name', 100),
        text_column('product_category', 50),
        decimal_column('unit_price', 10, 2),
        integer_column('current_stock_level'),
    ]) -}}
{% endmacro %}

{#- The rule book of products. -#}
{% macro products_rules() %}
    {%- set columns = products_columns() -%}
    {{- return(rule_book('products', rules_of_key(columns, 'product_id') + [
        rule_value_missing('unit_price'),
        rule_invalid(columns, 'unit_price'),
        rule_negative('unit_price'),
        rule_invalid(columns, 'current_stock_level'),
        rule_negative('current_stock_level'),
        rule_missing('product_name', 'warn'),
        rule_too_long(columns, 'product_name', 'warn'),
        rule_missing('product_category', 'warn'),
        rule_too_long(columns, 'product_category', 'warn'),
        rule_rounded(columns, 'unit_price'),
        rule_zero('unit_price', 'given away'),
    ])) -}}
{% endmacro %}
