-- no valid row is published before the circuit breaker has looked
-- depends_on: {{ ref('circuit_breaker') }}
with

checked as (

    select * from {{ ref('checked_store_sales_line_items') }}

),

final as (

    select
        {{ typed_columns(store_sales_line_items_columns()) }}
    from checked
    where is_valid

)

select * from final
