{{ config(materialized='amended_table', meta={'unit': 'customer_id'}) }}
{{ check_master(
    'customer_details', customer_details_columns(), customer_details_rules(), lasting=customer_details_opening()
) }}
