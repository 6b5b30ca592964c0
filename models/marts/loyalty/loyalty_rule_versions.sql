-- nothing is published before the circuit breaker has looked
-- depends_on: {{ ref('stg_loyalty_rules') }}
with

versions as (

    select * from {{ ref('int_loyalty_rule_versions') }}

),

final as (

    select
        {{ typed_columns(loyalty_rules_columns()) }},
        valid_from_batch,
        valid_through_batch
    from versions

)

select * from final
