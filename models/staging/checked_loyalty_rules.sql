{{ config(materialized='delta', meta={'unit': 'rule_id'}) }}
{{ check_master('loyalty_rules') }}
