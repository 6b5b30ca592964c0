{{ config(materialized='delta', meta={'unit': 'product_id'}) }}
{{ check_master('products') }}
