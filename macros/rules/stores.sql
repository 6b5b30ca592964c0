{% macro stores_columns() %}
    {{- return([
        key_column('store_id', 10),
        text_column('store_name'),
        text_column('store_city'),
        text_column('store_region'),
        date_column('opening_date'),
    ]) -}}
{% endmacro %}

{% macro stores_rules() %}
    {{- return([
        rule_missing('store_id'),
        rule_too_long('store_id', 10),
        rule_duplicate('store_id'),
        rule_conflict('store_id'),
        rule_invalid('opening_date', a_date()),
        rule_missing('store_name', 'warn'),
        rule_too_long('store_name', 100, 'warn'),
        rule_too_long('store_city', 50, 'warn'),
        rule_too_long('store_region', 50, 'warn'),
    ]) -}}
{% endmacro %}
