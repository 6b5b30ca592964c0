-- no valid row is published before the circuit breaker has looked
-- depends_on: {{ ref('circuit_breaker') }}
with

checked as (

    select * from {{ ref('checked_store_sales_header') }}

),

final as (

    select
        {{ typed_columns(store_sales_header_columns()) }},
        file_id
    from checked
    where is_valid

)

select * from final
