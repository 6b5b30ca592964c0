{% macro products_columns() %}
    {{- return([
        key_column('product_id', 20),
        text_column('product_name'),
        text_column('product_category'),
        decimal_column('unit_price', 10, 2),
        integer_column('current_stock_level'),
    ]) -}}
{% endmacro %}

{% macro products_rules() %}
    {{- return([
        rule_missing('product_id'),
        rule_too_long('product_id', 20),
        rule_duplicate('product_id'),
        rule_conflict('product_id'),
        rule_value_missing('unit_price'),
        rule_invalid('unit_price', a_number(8)),
        rule_negative('unit_price'),
        rule_invalid('current_stock_level', a_whole_number()),
        rule_negative('current_stock_level'),
        rule_missing('product_name', 'warn'),
        rule_too_long('product_name', 100, 'warn'),
        rule_missing('product_category', 'warn'),
        rule_too_long('product_category', 50, 'warn'),
        rule_rounded('unit_price'),
        rule_zero('unit_price', 'given away'),
    ]) -}}
{% endmacro %}
