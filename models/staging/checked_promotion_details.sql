{{ config(materialized='delta', meta={'unit': 'promotion_id'}) }}
{{ check_master('promotion_details') }}
