{{ check_master('products', key='product_id') }}
