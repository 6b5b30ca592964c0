{{ check_master('customer_details') }}
