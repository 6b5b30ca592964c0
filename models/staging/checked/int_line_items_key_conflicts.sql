-- A table of its own because it is small: the planner then lets parallel workers judge the rows that are joined to it.
{{ config(materialized='amended_table', meta={'unlogged': true, 'is_amended': false}) }}
{% if var('raw_layer') == 'landing' -%}
-- depends_on: {{ ref('affected_transactions') }}
{%- endif %}

{%- set repeated = repeated_facts(
    facts_to_read('store_sales_line_items'), columns_of('store_sales_line_items'), key_of('store_sales_line_items'), rules_of('store_sales_line_items', part='line_rules')
) %}

with

final as (

    {{ repeated }}

)

select * from final
