{#- Who belongs to each segment of the seed segments, as SQL over the figures of a customer. A customer may belong to
    several; the seed's priority decides which one is the label. -#}
{% macro segment_conditions() %}
    {{- return({
        'AR': 'is_at_risk',
        'HS': 'is_high_spender',
        'RG': 'last_purchase_date is not null',
        'PR': 'last_purchase_date is null',
    }) -}}
{% endmacro %}

{#- Whether a customer belongs to the segment with this id. -#}
{% macro belongs_to_segment(segment_id) -%}
    case {{ segment_id }}
            {%- for id, condition in segment_conditions().items() %}
            when '{{ id }}' then {{ condition }}
            {%- endfor %}
        end
{%- endmacro %}

{#- Whether a customer is At-Risk: points to lose, and no purchase for so many days, or for so many times the customer's own
    typical gap. Who has no typical gap is judged by the days.

    days_since_last_purchase, points, typical_days  SQL of these figures -#}
{% macro is_at_risk(days_since_last_purchase, points, typical_days) -%}
    {%- set by_days = days_since_last_purchase ~ ' >= ' ~ setting('at_risk_days') -%}
    {%- if setting('at_risk_basis') == 'days' -%}
    coalesce({{ by_days }} and {{ points }} > 0, false)
    {%- else -%}
    coalesce(
            case
                when {{ typical_days }} is null then {{ by_days }}
                else
                    {{ days_since_last_purchase }} > {{ setting('at_risk_rhythm') }} * {{ typical_days }}
                    and {{ days_since_last_purchase }} >= {{ setting('at_risk_rhythm_min_days') }}
            end
            and {{ points }} > 0,
            false
        )
    {%- endif -%}
{%- endmacro %}

{#- Whether so many buyers with more money spent leave room among the High-Spenders: ties at the border are in. -#}
{% macro is_among_high_spenders(buyers_above, buyers) -%}
    {{ buyers_above }} < ceil({{ setting('high_spender_share') }} * {{ buyers }})
{%- endmacro %}
