{{ config(materialized='amended_table', meta={'unit': 'product_id'}) }}
{{ check_master('products', products_columns(), products_rules()) }}
