-- A table of its own because it is small: the planner then lets parallel workers judge the rows that are joined to it.
{{ config(meta={'unlogged': true, 'analyze': true}) }}
{%- set columns = store_sales_header_columns() %}

with

final as (

    {{ key_conflicts_of_facts(
        facts_to_read('store_sales_header', columns),
        columns,
        key_of('store_sales_header'),
        store_sales_header_rules(),
        claimed='customer_id'
    ) }}

)

select * from final
