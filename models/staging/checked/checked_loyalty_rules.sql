{{ config(materialized='amended_table', meta={'unit': 'rule_id'}) }}
{{ check_master('loyalty_rules', loyalty_rules_columns(), loyalty_rules_rules()) }}
