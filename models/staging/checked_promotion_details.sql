{{ check_master('promotion_details') }}
