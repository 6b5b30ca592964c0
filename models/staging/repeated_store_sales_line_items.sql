-- A table of its own because it is small: the planner then lets parallel workers judge the rows that are joined to it.
{{ config(materialized='delta', unlogged=true, meta={'is_amended': false}) }}
{% if var('raw_layer') == 'landing' -%}
-- depends_on: {{ ref('touched_transactions') }}
{%- endif %}

{{ repeated_facts(facts_to_read('store_sales_line_items'), columns_of('store_sales_line_items'), key_of('store_sales_line_items'), rules_of('store_sales_line_items', part='line_rules')) }}
