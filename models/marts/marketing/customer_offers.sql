{%- set text = sql_type('text') %}
with

promotion_details as (

    select * from {{ ref('promotion_details') }}

),

segments as (

    select * from {{ ref('customer_segments') }}
    where is_high_spender or is_at_risk

),

as_of as (

    select * from {{ ref('as_of') }}

),

affinities as (

    select * from {{ ref('category_affinity') }}

),

purchases as (

    select * from {{ ref('customer_purchases') }}

),

promotions as (

    select
        promotions.*,
        promotions.start_date <= as_of.as_of_date as is_running
    from promotion_details as promotions
    cross join as_of
    where
        promotions.applicable_category is not null
        and coalesce(promotions.discount_percentage, 1) > 0
        and promotions.end_date >= as_of.as_of_date
        and promotions.start_date <= {{ days_after('as_of.as_of_date', setting('offer_days_ahead')) }}

),

-- the favourite category of a customer comes before what fits everybody
fitting as (

    select
        affinities.customer_id,
        promotions.promotion_id,
        affinities.product_category as favourite_category,
        affinities.affinity,
        affinities.share,
        affinities.usual_share,
        {{ as_float('affinities.spend') }} / nullif(purchases.frequency, 0) as usual_amount
    from affinities
    inner join segments on affinities.customer_id = segments.customer_id
    left join purchases on affinities.customer_id = purchases.customer_id
    inner join promotions on affinities.product_category = promotions.applicable_category
    where affinities.is_favourite

    union all

    select
        segments.customer_id,
        promotions.promotion_id,
        cast(null as {{ text }}) as favourite_category,
        cast(null as decimal(18, 4)) as affinity,
        cast(null as decimal(18, 6)) as share,
        cast(null as decimal(18, 6)) as usual_share,
        case when purchases.monetary > 0 then {{ as_float('purchases.monetary') }} / nullif(purchases.frequency, 0) end
            as usual_amount
    from segments
    cross join promotions
    left join purchases on segments.customer_id = purchases.customer_id
    where promotions.applicable_category = 'ALL'

),

ranked as (

    select
        fitting.*,
        promotions.promotion_name,
        promotions.start_date,
        promotions.end_date,
        promotions.is_running,
        promotions.discount_percentage,
        row_number() over (
            partition by fitting.customer_id
            order by
                case when fitting.favourite_category is not null then 1 else 2 end,
                case when promotions.is_running then 1 else 2 end,
                coalesce(fitting.affinity, 0) desc,
                promotions.start_date,
                coalesce(promotions.discount_percentage, 0) desc,
                {{ by_code_point('fitting.promotion_id') }}
        ) as place
    from fitting
    inner join promotions on fitting.promotion_id = promotions.promotion_id

),

final as (

    select
        segments.customer_id,
        segments.is_high_spender,
        segments.is_at_risk,
        ranked.promotion_id,
        ranked.promotion_name,
        ranked.start_date,
        ranked.end_date,
        ranked.is_running,
        ranked.favourite_category,
        ranked.affinity,
        case
            when ranked.favourite_category is null then 'it is on all categories'
            else
                cast(cast(round(100 * ranked.share) as integer) as {{ text }}) || ' % of what the customer buys is '
                || ranked.favourite_category || ', '
                || cast(cast(round(100 * ranked.usual_share) as integer) as {{ text }}) || ' % is usual'
        end
        || case
            when ranked.is_running then '; it runs through ' || cast(ranked.end_date as {{ text }})
            else '; it starts on ' || cast(ranked.start_date as {{ text }})
        end as reason,
        ranked.discount_percentage as stated_discount,
        round({{ settled('ranked.usual_amount') }} * ranked.discount_percentage, 2) as expected_discount,
        case
            when ranked.discount_percentage is null then 'no expected_discount: the promotion states no discount'
            when ranked.usual_amount is null
                then 'no expected_discount: no clean purchase says what the customer spends'
        end as why_not
    from ranked
    inner join segments on ranked.customer_id = segments.customer_id
    where ranked.place = 1

)

select * from final
