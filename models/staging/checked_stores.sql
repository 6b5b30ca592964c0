{{ check_master('stores') }}
