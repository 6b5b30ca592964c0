{{ check_master('products') }}
