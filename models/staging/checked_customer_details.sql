{{ check_master('customer_details', key='customer_id') }}
