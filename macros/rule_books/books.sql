{#- The input tables with the columns that identify a row, in the order in which they are judged. -#}
{% macro keys_of_tables() %}
    {{- return({
        'stores': ['store_id'],
        'products': ['product_id'],
        'customer_details': ['customer_id'],
        'promotion_details': ['promotion_id'],
        'loyalty_rules': ['rule_id'],
        'store_sales_header': ['transaction_id'],
        'store_sales_line_items': ['transaction_id', 'line_item_id'],
        'loyalty_redemptions': ['redemption_id'],
        'inventory_levels': ['stock_date', 'store_id', 'product_id'],
    }) -}}
{% endmacro %}

{#- The names of the input tables. -#}
{% macro checked_tables() %}{{ return(keys_of_tables().keys() | list) }}{% endmacro %}

{#- The columns that identify a row of a table. -#}
{% macro key_of(table) %}{{ return(keys_of_tables()[table]) }}{% endmacro %}

{#- The tables of facts: a clean fact stays as it is. The other tables are master data, which the latest delivery replaces. -#}
{% macro fact_tables() %}{{ return(sales_tables() + optional_tables()) }}{% endmacro %}

{#- The tables that a load may leave out. -#}
{% macro optional_tables() %}{{ return(['loyalty_redemptions', 'inventory_levels']) }}{% endmacro %}

{#- The two tables of transactions, whose rows a build judges together. -#}
{% macro sales_tables() %}{{ return(['store_sales_header', 'store_sales_line_items']) }}{% endmacro %}

{#- A table's columns, for models that go through all tables. A model of one table calls <table>_columns() itself, so that
    dbt knows which book it depends on; the same goes for rules_of. -#}
{% macro columns_of(table) %}
    {%- if table == 'stores' -%}{{- return(stores_columns()) -}}
    {%- elif table == 'products' -%}{{- return(products_columns()) -}}
    {%- elif table == 'customer_details' -%}{{- return(customer_details_columns()) -}}
    {%- elif table == 'promotion_details' -%}{{- return(promotion_details_columns()) -}}
    {%- elif table == 'loyalty_rules' -%}{{- return(loyalty_rules_columns()) -}}
    {%- elif table == 'store_sales_header' -%}{{- return(store_sales_header_columns()) -}}
    {%- elif table == 'store_sales_line_items' -%}{{- return(store_sales_line_items_columns()) -}}
    {%- elif table == 'loyalty_redemptions' -%}{{- return(loyalty_redemptions_columns()) -}}
    {%- elif table == 'inventory_levels' -%}{{- return(inventory_levels_columns()) -}}
    {%- endif -%}
{% endmacro %}

{#- A table's rule book, for models that go through all tables. -#}
{% macro rules_of(table) %}
    {%- if table == 'stores' -%}{{- return(stores_rules()) -}}
    {%- elif table == 'products' -%}{{- return(products_rules()) -}}
    {%- elif table == 'customer_details' -%}{{- return(customer_details_rules()) -}}
    {%- elif table == 'promotion_details' -%}{{- return(promotion_details_rules()) -}}
    {%- elif table == 'loyalty_rules' -%}{{- return(loyalty_rules_rules()) -}}
    {%- elif table == 'store_sales_header' -%}{{- return(store_sales_header_rules()) -}}
    {%- elif table == 'store_sales_line_items' -%}{{- return(store_sales_line_items_rules()) -}}
    {%- elif table == 'loyalty_redemptions' -%}{{- return(loyalty_redemptions_rules()) -}}
    {%- elif table == 'inventory_levels' -%}{{- return(inventory_levels_rules()) -}}
    {%- endif -%}
{% endmacro %}
