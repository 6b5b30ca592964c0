{{ config(materialized='amended_table', meta={'unit': 'store_id'}) }}
{{ check_master('stores', stores_columns(), stores_rules()) }}
