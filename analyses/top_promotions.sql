-- The top three: promotions whose interval is above 0, those compared with other categories first
select
    rank,
    promotion_id,
    promotion_name,
    product_category,
    evidence,
    coalesce(did_lift, observed_lift) as lift,
    coalesce(did_lift_low, observed_lift_low) as lift_low,
    coalesce(did_lift_high, observed_lift_high) as lift_high
from {{ ref('promotion_effectiveness') }}
where rank <= 3
order by rank
