{{ check_master('stores', key='store_id') }}
