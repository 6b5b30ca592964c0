{{ config(pre_hook=[
    "{{ require_sound_campaigns(
        ref('campaigns'), ref('segments'), ref('rfm_segments'), ref('promotion_details'), ref('as_of'), this
    ) }}",
    "{{ require_unchanged_campaigns(ref('campaigns'), this) }}"
]) }}
{%- set segments_on_record = ref('segment_history') %}

with

campaigns as (

    select * from {{ ref('campaigns') }}

),

customers as (

    select * from {{ ref('customer_segments') }}

),

balances as (

    select * from {{ ref('loyalty_balances') }}

),

as_of as (

    select * from {{ ref('as_of') }}

),

recorded as (

    select max(as_of_date) as as_of_date
    from {{ segments_on_record }}
    where raw_layer = '{{ setting('raw_layer') }}'

),

earlier as (
    {% if is_incremental() %}
    select
        campaign_id,
        customer_id,
        chosen_on,
        window_days
    from {{ this }}
    where raw_layer = '{{ setting('raw_layer') }}'
    {% else %}
    -- nothing yet: columns only
    select
        campaigns.campaign_id,
        customers.customer_id,
        campaigns.start_date as chosen_on,
        campaigns.window_days
    from campaigns
    cross join customers
    where false
    {% endif %}
),

begun as (

    select distinct campaign_id
    from earlier

),

due as (

    select
        campaigns.*,
        as_of.as_of_date
    from campaigns
    cross join recorded
    inner join as_of on campaigns.start_date <= as_of.as_of_date
    left join begun on campaigns.campaign_id = begun.campaign_id
    where begun.campaign_id is null and {{ may_record('as_of', 'recorded.as_of_date') }}

),

chosen as (

    select
        due.*,
        customers.customer_id,
        customers.segment_id as segment_id_of_customer,
        customers.rfm_segment as rfm_segment_of_customer,
        balances.total_loyalty_points
    from due
    inner join customers
        on
            due.rfm_segment = customers.rfm_segment
            or {{ is_addressed('due.segment_id', 'customers') }}
    inner join balances on customers.customer_id = balances.customer_id

),

-- members of campaigns whose window is still open
running as (

    select
        earlier.campaign_id,
        earlier.customer_id
    from earlier
    cross join as_of
    where {{ days_between('earlier.chosen_on', 'as_of.as_of_date') }} < earlier.window_days
    union all
    select
        campaign_id,
        customer_id
    from chosen

),

others as (

    select
        chosen.campaign_id,
        chosen.customer_id,
        {{ join_texts('cast(running.campaign_id as ' ~ sql_type('text') ~ ')') }} as other_campaigns
    from chosen
    inner join running
        on
            chosen.customer_id = running.customer_id
            and chosen.campaign_id <> running.campaign_id
    group by
        chosen.campaign_id,
        chosen.customer_id

),

final as (

    select
        '{{ setting('raw_layer') }}' as raw_layer,
        chosen.campaign_id,
        chosen.customer_id,
        {{ campaign_group('chosen.campaign_id', 'chosen.customer_id', 'chosen.holdout_share') }} as campaign_group,
        chosen.as_of_date as chosen_on,
        chosen.segment_id_of_customer as segment_id,
        chosen.rfm_segment_of_customer as rfm_segment,
        chosen.total_loyalty_points,
        others.other_campaigns,
        {%- for term, name in campaign_terms().items() %}
        chosen.{{ term }} {{- ' as ' ~ name if name != term }},
        {%- endfor %}
        cast('{{ run_started_at }}' as {{ sql_type('timestamp with time zone') }}) as built_at
    from chosen
    left join others
        on
            chosen.campaign_id = others.campaign_id
            and chosen.customer_id = others.customer_id

)

select * from final
