with

segments as (

    select * from {{ ref('segments') }}

),

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

customers as (

    select * from {{ ref('customer_details') }}

),

members as (

    select * from {{ ref('campaign_members') }}
    where raw_layer = '{{ setting('raw_layer') }}'

),

results as (

    select * from {{ ref('campaign_results') }}

),

suppressed_emails as (

    select distinct lower(trim(email)) as email
    from {{ ref('suppressed_emails') }}

),

running as (

    select members.*
    from members
    inner join results on members.campaign_id = results.campaign_id
    where results.days_counted < results.window_days

),

held_out as (

    select distinct customer_id
    from running
    where campaign_group = 'holdout'

),

listed as (

    select
        'campaign_' || campaign_id as list_name,
        campaign_id,
        customer_id,
        promotion_id,
        campaign_group = 'holdout' as is_held_out
    from running
    union all
    select
        'segment_' || segments.segment_id as list_name,
        cast(null as {{ sql_type('text') }}) as campaign_id,
        customer_segments.customer_id,
        cast(null as {{ sql_type('text') }}) as promotion_id,
        held_out.customer_id is not null as is_held_out
    from customer_segments
    inner join segments on {{ is_addressed('segments.segment_id', 'customer_segments') }}
    left join held_out on customer_segments.customer_id = held_out.customer_id

),

final as (

    select
        listed.list_name,
        listed.customer_id,
        customers.first_name,
        customers.email,
        customers.segment_id,
        customers.total_loyalty_points,
        customers.last_purchase_date,
        listed.campaign_id,
        listed.promotion_id,
        case
            when listed.is_held_out then 'held out of a campaign'
            when customers.customer_id is null then 'no longer a customer'
            when customers.email is null or not {{ is_email('customers.email') }} then 'no valid e-mail address'
            when suppressed_emails.email is not null then 'suppressed'
        end as left_out_because
    from listed
    left join customers on listed.customer_id = customers.customer_id
    left join suppressed_emails on lower(trim(customers.email)) = suppressed_emails.email

)

select * from final
