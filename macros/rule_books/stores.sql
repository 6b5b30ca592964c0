{#- The columns of a store. -#}
{% macro stores_columns() %}
    {{- return([
        key_column('store_id', 10),
        text_column('store_name', 100),
        text_column('store_city', 50),
        text_column('store_region', 50),
        date_column('opening_date'),
    ]) -}}
{% endmacro %}

{#- The rule book of stores. -#}
{% macro stores_rules() %}
    {%- set columns = stores_columns() -%}
    {{- return(rule_book('stores', rules_of_key(columns, 'store_id') + [
        rule_invalid(columns, 'opening_date'),
        rule_missing('store_name', 'warn'),
        rule_too_long(columns, 'store_name', 'warn'),
        rule_too_long(columns, 'store_city', 'warn'),
        rule_too_long(columns, 'store_region', 'warn'),
    ])) -}}
{% endmacro %}
