-- The buyers who spent most, with how often and how lately they bought
select
    details.customer_id,
    details.first_name,
    details.email,
    segments.monetary,
    segments.frequency,
    segments.recency_days,
    segments.rfm_segment,
    details.total_loyalty_points
from {{ ref('customer_details') }} as details
inner join {{ ref('customer_segments') }} as segments on details.customer_id = segments.customer_id
where segments.is_high_spender
order by segments.monetary desc, details.customer_id
