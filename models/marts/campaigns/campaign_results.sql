{%- set rate_figures = [
    'contact_purchase_rate', 'holdout_purchase_rate', 'rate_difference', 'rate_low', 'rate_high', 'rate_detectable'
] %}
{%- set spend_figures = [
    'contact_spend_per_customer', 'holdout_spend_per_customer', 'spend_difference', 'spend_low', 'spend_high',
    'spend_detectable'
] %}

with

campaigns as (

    select * from {{ ref('campaigns') }}

),

members as (

    select * from {{ ref('campaign_members') }}
    where raw_layer = '{{ setting('raw_layer') }}'

),

transactions as (

    select * from {{ ref('store_sales_header') }}
    where {{ is_seen('transaction_date') }}

),

as_of as (

    select * from {{ ref('as_of') }}

),

begun as (

    select distinct
        campaign_id,
        chosen_on,
        {{ campaign_terms().values() | join(',\n        ') }}
    from members

),

timed as (

    select
        begun.*,
        {{ days_after('begun.chosen_on', '1') }} as counted_from,
        {{ days_after('begun.chosen_on', 'begun.window_days') }} as counted_through,
        least(
            greatest({{ days_between('begun.chosen_on', 'as_of.as_of_date') }}, 0),
            begun.window_days
        ) as days_counted
    from begun
    cross join as_of

),

-- what the members bought on the days that count
bought as (

    select
        members.campaign_id,
        members.customer_id,
        count(case when transactions.total_amount > 0 then 1 end) as purchases,
        sum(transactions.total_amount) as spend
    from members
    inner join transactions on members.customer_id = transactions.customer_id
    where
        {{ days_between('members.chosen_on', 'cast(transactions.transaction_date as date)') }}
        between 1 and members.window_days
    group by
        members.campaign_id,
        members.customer_id

),

-- members of another campaign while this one ran
shared as (

    select
        members.campaign_id,
        count(distinct members.customer_id) as customers_in_other_campaigns
    from members
    inner join members as others
        on
            members.customer_id = others.customer_id
            and members.campaign_id <> others.campaign_id
            and {{ days_between('members.chosen_on', 'others.chosen_on') }} < members.window_days
            and {{ days_between('others.chosen_on', 'members.chosen_on') }} < others.window_days
    group by members.campaign_id

),

spent as (

    select
        members.campaign_id,
        members.campaign_group,
        coalesce(bought.purchases, 0) > 0 as is_buyer,
        coalesce(bought.spend, 0) as spend,
        cast(coalesce(bought.spend, 0) as {{ sql_type('double precision') }}) as spend_real
    from members
    left join bought
        on
            members.campaign_id = bought.campaign_id
            and members.customer_id = bought.customer_id

),

counted as (

    select
        {%- for group in ['contact', 'holdout'] %}
        {%- set is_group = "campaign_group = '" ~ group ~ "'" %}
        count(case when {{ is_group }} then 1 end) as {{ group }}_customers,
        count(case when {{ is_group }} and is_buyer then 1 end) as {{ group }}_buyers,
        sum(case when {{ is_group }} then spend else 0 end) as {{ group }}_spend,
        sum(case when {{ is_group }} then spend_real * spend_real else 0 end) as {{ group }}_spend_squares,
        {%- endfor %}
        campaign_id
    from spent
    group by campaign_id

),

judged as (

    select
        counted.*,
        timed.days_counted = timed.window_days as is_over,
        cast(timed.days_counted as {{ sql_type('text') }}) || ' of '
        || cast(timed.window_days as {{ sql_type('text') }}) || ' days have passed' as not_over_because
    from counted
    inner join timed on counted.campaign_id = timed.campaign_id

),

findings as (

    {{ campaign_findings('judged') }}

),

started as (

    select
        timed.campaign_id,
        {%- for name in campaign_terms().values() %}
        timed.{{ name }},
        {%- endfor %}
        timed.chosen_on,
        timed.counted_from,
        timed.counted_through,
        timed.days_counted,
        coalesce(shared.customers_in_other_campaigns, 0) as customers_in_other_campaigns,
        counted.contact_customers,
        counted.holdout_customers,
        counted.contact_buyers,
        counted.holdout_buyers,
        cast(counted.contact_spend as numeric(18, 2)) as contact_spend,
        cast(counted.holdout_spend as numeric(18, 2)) as holdout_spend,
        {%- for figure in rate_figures %}
        findings.{{ figure }},
        {%- endfor %}
        findings.verdict,
        findings.why_not,
        {%- for figure in spend_figures %}
        findings.{{ figure }},
        {%- endfor %}
        findings.spend_verdict,
        findings.spend_why_not
    from timed
    inner join counted on timed.campaign_id = counted.campaign_id
    inner join findings on timed.campaign_id = findings.campaign_id
    left join shared on timed.campaign_id = shared.campaign_id

),

-- not begun: no figures yet
planned as (

    select
        campaigns.*,
        case
            when campaigns.start_date > as_of.as_of_date
                then 'the campaign starts on ' || cast(campaigns.start_date as {{ sql_type('text') }})
            else 'it has no members yet: nobody is in the segment, or this build looks back'
        end as not_begun_because
    from campaigns
    cross join as_of
    left join begun on campaigns.campaign_id = begun.campaign_id
    where begun.campaign_id is null

),

waiting as (

    select
        campaign_id,
        {%- for term, name in campaign_terms().items() %}
        {{ term }} as {{ name }},
        {%- endfor %}
        {%- for day in ['chosen_on', 'counted_from', 'counted_through'] %}
        cast(null as date) as {{ day }},
        {%- endfor %}
        0 as days_counted,
        0 as customers_in_other_campaigns,
        {%- for figure in ['contact_customers', 'holdout_customers', 'contact_buyers', 'holdout_buyers'] %}
        cast(null as bigint) as {{ figure }},
        {%- endfor %}
        {%- for figure in ['contact_spend', 'holdout_spend'] %}
        cast(null as numeric(18, 2)) as {{ figure }},
        {%- endfor %}
        {%- for figure in rate_figures %}
        cast(null as numeric(9, 6)) as {{ figure }},
        {%- endfor %}
        'too early' as verdict,
        not_begun_because as why_not,
        {%- for figure in spend_figures %}
        cast(null as numeric(18, 2)) as {{ figure }},
        {%- endfor %}
        'too early' as spend_verdict,
        not_begun_because as spend_why_not
    from planned

),

final as (

    select * from started
    union all
    select * from waiting

)

select * from final
