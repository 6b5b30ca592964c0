{#- The columns of a stock count: what lay in a store at the end of a day. -#}
{% macro inventory_levels_columns() %}
    {{- return([
        key_date_column('stock_date'),
        key_column('store_id', 10),
        key_column('product_id', 20),
        integer_column('stock_level'),
    ]) -}}
{% endmacro %}

{#- The rule book of stock counts. -#}
{% macro inventory_levels_rules() %}
    {%- set columns = inventory_levels_columns() -%}
    {%- set kept_for = 'the primary key' -%}
    {%- set stock_date = read_date('stock_date') -%}
    {{- return(rule_book('inventory_levels', rules_of_key(columns, 'product_id', within='store and day') + [
        rule_unknown('product_id', 'products'),
        rule_parent_rejected('product_id', 'products'),
        rule_missing('store_id', kept_for=kept_for),
        rule_unknown('store_id', 'stores'),
        rule_parent_rejected('store_id', 'stores'),
        rule_missing('stock_date', kept_for=kept_for),
        rule(
            'stock_date_invalid',
            ['stock_date'],
            'stock_date is null or ' ~ stock_date ~ ' is not null',
            'stock_date is not ' ~ column_of(columns, 'stock_date').expected,
            kept_for=kept_for
        ),
        rule_in_future('stock_date', value=stock_date),
        rule_value_missing('stock_level', kept_for='stock_outs'),
        rule_invalid(columns, 'stock_level', kept_for='stock_outs'),
        rule_negative('stock_level'),
    ])) -}}
{% endmacro %}
