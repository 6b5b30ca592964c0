-- Whom to win back first: the points they would lose, and how long they have been away
select
    details.customer_id,
    details.first_name,
    details.email,
    details.total_loyalty_points,
    details.last_purchase_date,
    segments.days_since_last_purchase,
    segments.is_high_spender,
    segments.at_risk_is_doubtful
from {{ ref('customer_details') }} as details
inner join {{ ref('customer_segments') }} as segments on details.customer_id = segments.customer_id
where segments.is_at_risk
order by details.total_loyalty_points desc, details.customer_id
