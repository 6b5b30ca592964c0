-- A table of its own because it is small: the planner then lets parallel workers judge the rows that are joined to it.
{{ config(materialized='amended_table', meta={'unlogged': true, 'is_amended': false}) }}
{% if var('raw_layer') == 'landing' -%}
-- depends_on: {{ ref('affected_transactions') }}
{%- endif %}

{%- set repeated = repeated_facts(
    facts_to_read('store_sales_header'), columns_of('store_sales_header'), key_of('store_sales_header'), rules_of('store_sales_header')
) %}

with

final as (

    {{ repeated }}

)

select * from final
