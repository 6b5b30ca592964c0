-- no valid row is published before the circuit breaker has looked
-- depends_on: {{ ref('circuit_breaker') }}
with

checked as (

    select * from {{ ref('checked_customer_details') }}

),

final as (

    select
        {{ typed_columns(customer_details_columns()) }}
    from checked
    where is_valid

)

select * from final
