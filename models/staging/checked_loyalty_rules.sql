{{ check_master('loyalty_rules', key='rule_id') }}
