{#- Campaigns with a holdout: who is addressed, who is held out, and what the difference between the two groups says. The
    intervals are at 95 %. They were simulated before they were written: Newcombe's for purchase rates, and for money the larger of
    Welch's and the pooled variance, because Welch's alone is too small where few are held out. -#}

{#- Whether a customer is addressed by a segment: by the flag of the segment if it has one, so that a High-Spender who is At-Risk
    too is on both lists, else by the label.

    segment_id  SQL of the segment asked for; the columns of customer_segments stand beside it
    customers   the relation of those columns -#}
{% macro is_addressed(segment_id, customers) -%}
    case {{ segment_id }}
            {%- for id, condition in segment_conditions().items() if condition.startswith('is_') %}
            when '{{ id }}' then {{ customers }}.{{ condition }}
            {%- endfor %}
            else {{ customers }}.segment_id = {{ segment_id }}
        end
{%- endmacro %}

{#- In words, why a customer has become At-Risk. -#}
{% macro lapsed_because() -%}
    no purchase for {{ setting('at_risk_days') ~ ' days' if setting('at_risk_basis') == 'days' else 'longer than usual' }}
{%- endmacro %}

{#- The group of a customer in a campaign. A part of the md5 decides, so it is the same on every engine and in every build. -#}
{% macro campaign_group(campaign_id, customer_id, holdout_share) -%}
    case
            when {{ md5_number(campaign_id ~ " || '|' || " ~ customer_id) }} < {{ holdout_share }} * 4294967296 then 'holdout'
            else 'contact'
        end
{%- endmacro %}

{#- The columns of a campaign that may not change once its members are chosen, as the seed campaigns and as campaign_members names
    them. -#}
{% macro campaign_terms() %}
    {{- return({
        'campaign_name': 'campaign_name',
        'segment_id': 'addressed_segment_id',
        'rfm_segment': 'addressed_rfm_segment',
        'promotion_id': 'promotion_id',
        'start_date': 'start_date',
        'window_days': 'window_days',
        'holdout_share': 'holdout_share',
    }) -}}
{% endmacro %}

{#- For a pre-hook: ends the run if a row of the seed campaigns can't be meant, because members are chosen once and for all. The
    tests of the seed say the same; a `dbt run` has none. The promotion may come later than the campaign's row, so it is looked for
    when members are to be chosen.

    campaigns   the seed; `dbt clone`, which runs hooks, has none yet
    segments, rfm_segments, promotions  what a campaign may name
    as_of       the day of the build
    members     the memory, as it stands -#}
{% macro require_sound_campaigns(campaigns, segments, rfm_segments, promotions, as_of, members) %}
    {%- if execute and flags.WHICH != 'clone' -%}
        {%- set lacks_promotion -%}
            {{ names_none_of('promotion_id', promotions) }}
            and start_date <= (select day.as_of_date from (select * from {{ as_of }}) as day)
            {%- if load_cached_relation(members) is not none %}
            and campaign_id not in (select campaign_id from {{ members }} where raw_layer = '{{ setting('raw_layer') }}')
            {%- endif -%}
        {%- endset -%}
        {%- set is_twice -%}
            campaign_id in (
                select counted.campaign_id from (select * from {{ campaigns }}) as counted
                group by counted.campaign_id having count(*) > 1
            )
        {%- endset -%}
        {%- set flaws = [
            ('campaign_id is null', 'has no campaign_id'),
            (is_twice, 'has its campaign_id twice'),
            ('(segment_id is null) = (rfm_segment is null)', 'needs either a segment_id or an rfm_segment'),
            (names_none_of('segment_id', segments), 'names no segment of segments.csv, which has ' ~ all_of('segment_id', segments)),
            (names_none_of('rfm_segment', rfm_segments), 'names no rfm_segment of rfm_segments.csv, which has ' ~ all_of('rfm_segment', rfm_segments)),
            (lacks_promotion, 'names a promotion_id that promotion_details lacks'),
            ('start_date is null', 'has no start_date'),
            ('coalesce(window_days not between 1 and 36500, true)', 'needs window_days from 1 to 36500'),
            ('coalesce(holdout_share <= 0 or holdout_share >= 1, true)', 'needs a holdout_share above 0 and below 1'),
        ] -%}
        {%- set flaw -%}
            case {%- for condition, words in flaws %} when {{ condition }} then '{{ dbt.escape_single_quotes(words) }}' {%- endfor %} end
        {%- endset -%}
        {%- set found = run_query(
            "select distinct coalesce(campaign_id, '(blank)') as campaign_id, " ~ flaw ~ ' as flaw'
            ~ ' from (select * from ' ~ campaigns ~ ') as campaigns where ' ~ flaw ~ ' is not null order by 1, 2'
        ) -%}
        {%- if found.rows | length > 0 -%}
            {%- set told = [] -%}
            {%- for row in found.rows[:10] -%}{%- do told.append('campaign ' ~ row[0] ~ ' ' ~ row[1]) -%}{%- endfor -%}
            {{- exceptions.raise_compiler_error(
                'seeds/reference/campaigns.csv: ' ~ told | join('; ') ~ ': correct it before its members are chosen, then run '
                ~ '`dbt seed -s campaigns`'
            ) -}}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{#- Whether a column of a campaign names something that another table lacks. -#}
{% macro names_none_of(column, relation) -%}
    {{ column }} is not null and {{ column }} not in (select named.{{ column }} from (select * from {{ relation }}) as named)
{%- endmacro %}

{#- All values of a column, for a message. -#}
{% macro all_of(column, relation) %}
    {%- set found = run_query('select distinct ' ~ column ~ ' from (select * from ' ~ relation ~ ') as named order by 1') -%}
    {{- return(found.columns[0].values() | join(', ')) -}}
{% endmacro %}

{#- For a pre-hook: ends the run if the row of a campaign that has members says something else than when they were chosen.

    campaigns  the seed
    members    the memory, as it stands -#}
{% macro require_unchanged_campaigns(campaigns, members) %}
    {%- if execute and load_cached_relation(members) is not none -%}
        {%- set changes = [] -%}
        {%- for now, before in campaign_terms().items() -%}
            {%- do changes.append('campaigns.' ~ now ~ ' is distinct from members.' ~ before) -%}
        {%- endfor -%}
        {%- set found = run_query(
            'select distinct members.campaign_id, members.chosen_on'
            ~ ' from ' ~ members ~ ' as members inner join (select * from ' ~ campaigns ~ ') as campaigns'
            ~ ' on members.campaign_id = campaigns.campaign_id'
            ~ " where members.raw_layer = '" ~ setting('raw_layer') ~ "' and (" ~ changes | join(' or ') ~ ') order by 1'
        ) -%}
        {%- if found.rows | length > 0 -%}
            {%- set campaign = found.rows[0] -%}
            {{- exceptions.raise_compiler_error(
                'seeds/reference/campaigns.csv: campaign ' ~ campaign[0] ~ ' has changed, but its members were chosen as of '
                ~ campaign[1] ~ ': restore the row (campaign_members has the values), and give a new campaign a new campaign_id'
            ) -}}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{#- Whether a build may write what it sees of a day into the memory of segments and campaigns: not one that looks back before what
    is recorded, nor one that looks beyond the cut-off date, after which no real build could write any more.

    as_of     a CTE with the row of as_of
    recorded  SQL of the latest day on record; null: none -#}
{% macro may_record(as_of, recorded) -%}
    {{ remembers() }}
        and {{ as_of }}.as_of_date <= {{ as_of }}.data_cutoff_date
        and coalesce({{ as_of }}.as_of_date >= {{ recorded }}, true)
{%- endmacro %}

{#- What the difference between two groups says: a query over one row per campaign.

    counted  a CTE or relation with campaign_id, is_over (whether the window has passed), not_over_because, and for contact and
             holdout each (as contact_customers …): customers, buyers, spend, spend_squares (the sum of the squares of what each
             customer spent, as a double) -#}
{% macro campaign_findings(counted) %}
    {%- set z, power = 1.959963984540054, 0.8416212335729143 -%}
    {%- set real = sql_type('double precision') %}
    {%- set groups = ['contact', 'holdout'] %}
    {%- set measures = [
        {'name': 'rate', 'type': 'numeric(9,6)', 'of_group': 'purchase_rate', 'verdict': 'verdict'},
        {'name': 'spend', 'type': 'numeric(18,2)', 'of_group': 'spend_per_customer', 'verdict': 'spend_verdict'},
    ] %}
    {%- set has_groups = 'contact_customers > 0 and holdout_customers > 0' %}
    {%- set smaller = 'least(contact_buyers, holdout_buyers)' %}
    {%- set spend_is_known = has_groups ~ ' and is_over and ' ~ smaller ~ ' >= ' ~ setting('campaign_min_buyers') %}
    select
        campaign_id,
        {%- for measure in measures %}
        {%- for group in groups %}
        cast({{ group }}_{{ measure.name }}_real as {{ measure.type }}) as {{ group }}_{{ measure.of_group }},
        {%- endfor %}
        {%- for figure in ['difference', 'low', 'high', 'detectable'] %}
        cast({{ measure.name }}_{{ figure }} as {{ measure.type }}) as {{ measure.name }}_{{ figure }},
        {%- endfor %}
        case
            when not is_over then 'too early'
            -- by the ends as they are shown
            when cast({{ measure.name }}_low as {{ measure.type }}) > 0 then 'better'
            when cast({{ measure.name }}_high as {{ measure.type }}) < 0 then 'worse'
            else 'inconclusive'
        end as {{ measure.verdict }},
        {%- endfor %}
        case
            when not is_over then not_over_because
            when contact_customers = 0 then 'nobody is in the contact group'
            when holdout_customers = 0 then 'nobody is in the holdout group'
        end as why_not,
        case
            when not is_over then not_over_because
            when contact_customers = 0 then 'nobody is in the contact group'
            when holdout_customers = 0 then 'nobody is in the holdout group'
            when {{ smaller }} < {{ setting('campaign_min_buyers') }}
                then 'the group with fewer buyers has ' || cast({{ smaller }} as {{ sql_type('text') }})
                    || ', and {{ setting('campaign_min_buyers') }} are needed'
        end as spend_why_not
    from (
        select
            *,
            case when {{ has_groups }} and is_over then contact_rate_real - holdout_rate_real end as rate_difference,
            case
                when {{ has_groups }} and is_over
                    then contact_rate_real - holdout_rate_real - sqrt(
                        (contact_rate_real - contact_low) * (contact_rate_real - contact_low)
                        + (holdout_high - holdout_rate_real) * (holdout_high - holdout_rate_real)
                    )
            end as rate_low,
            case
                when {{ has_groups }} and is_over
                    then contact_rate_real - holdout_rate_real + sqrt(
                        (contact_high - contact_rate_real) * (contact_high - contact_rate_real)
                        + (holdout_rate_real - holdout_low) * (holdout_rate_real - holdout_low)
                    )
            end as rate_high,
            case
                when {{ has_groups }}
                    then z_with_power * sqrt(likely_rate * (1 - likely_rate) * (1 / contact_n + 1 / holdout_n))
            end as rate_detectable,
            case when {{ spend_is_known }} then contact_spend_real - holdout_spend_real end as spend_difference,
            case
                when {{ spend_is_known }}
                    then contact_spend_real - holdout_spend_real - z * sqrt(greatest(welch_variance, pooled_variance))
            end as spend_low,
            case
                when {{ spend_is_known }}
                    then contact_spend_real - holdout_spend_real + z * sqrt(greatest(welch_variance, pooled_variance))
            end as spend_high,
            case
                when {{ spend_is_known }} then z_with_power * sqrt(greatest(welch_variance, pooled_variance))
            end as spend_detectable
        from (
            select
                *,
                contact_variance / contact_n + holdout_variance / holdout_n as welch_variance,
                (contact_variance * (contact_n - 1) + holdout_variance * (holdout_n - 1)) / nullif(contact_n + holdout_n - 2, 0)
                * (1 / contact_n + 1 / holdout_n) as pooled_variance
            from (
                select
                    *,
                    {%- for group in groups %}
                    {{ group }}_x / {{ group }}_n as {{ group }}_rate_real,
                    {{ group }}_s / {{ group }}_n as {{ group }}_spend_real,
                    -- Wilson's interval of one rate; Newcombe's is made of two
                    {%- for end, sign in {'low': '-', 'high': '+'}.items() %}
                    (2 * {{ group }}_x + z * z {{ sign }} z * sqrt(z * z + 4 * {{ group }}_x * (1 - {{ group }}_x / {{ group }}_n)))
                    / (2 * ({{ group }}_n + z * z)) as {{ group }}_{{ end }},
                    {%- endfor %}
                    -- what rounding leaves below 0 is 0
                    greatest({{ group }}_spend_squares - {{ group }}_s * {{ group }}_s / {{ group }}_n, 0)
                    / nullif({{ group }}_n - 1, 0) as {{ group }}_variance,
                    {%- endfor %}
                    -- with two more buyers and two more others, a campaign without buyers is not taken for a sure thing
                    (contact_x + holdout_x + 2) / (contact_n + holdout_n + 4) as likely_rate
                from (
                    select
                        *,
                        {%- for group in groups %}
                        nullif(cast({{ group }}_customers as {{ real }}), 0) as {{ group }}_n,
                        cast({{ group }}_buyers as {{ real }}) as {{ group }}_x,
                        cast({{ group }}_spend as {{ real }}) as {{ group }}_s,
                        {%- endfor %}
                        cast({{ z }} as {{ real }}) as z,
                        cast({{ z + power }} as {{ real }}) as z_with_power
                    from {{ counted }}
                ) as real_numbers
            ) as measured
        ) as varied
    ) as bounded
{% endmacro %}
