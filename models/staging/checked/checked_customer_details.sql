{{ config(materialized='amended_table', meta={'unit': 'customer_id'}) }}
{{ check_master('customer_details') }}
