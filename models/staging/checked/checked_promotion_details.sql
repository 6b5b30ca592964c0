{{ config(materialized='amended_table', meta={'unit': 'promotion_id'}) }}
{{ check_master('promotion_details', promotion_details_columns(), promotion_details_rules()) }}
