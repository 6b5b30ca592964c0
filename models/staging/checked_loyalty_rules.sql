{{ check_master('loyalty_rules') }}
