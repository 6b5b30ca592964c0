{{ check_master('promotion_details', key='promotion_id') }}
