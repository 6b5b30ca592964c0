{{ config(materialized='delta', meta={'unit': 'store_id'}) }}
{{ check_master('stores') }}
