with

lots as (

    select
        customer_id,
        sum(points_left) as points_left,
        min(case when transaction_id is not null then points_left else 0 end) as fewest_points_left
    from {{ ref('loyalty_lots') }}
    group by customer_id

),

balances as (

    select * from {{ ref('loyalty_balances') }}

)

select
    balances.customer_id,
    balances.total_loyalty_points,
    lots.points_left,
    lots.fewest_points_left
from balances
left join lots on balances.customer_id = lots.customer_id
where
    lots.points_left is distinct from balances.total_loyalty_points
    or lots.fewest_points_left < 0
