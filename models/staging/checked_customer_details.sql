{{ config(materialized='delta', meta={'unit': 'customer_id'}) }}
{{ check_master('customer_details') }}
