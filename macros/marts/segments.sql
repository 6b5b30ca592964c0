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

{#- Whether a customer is At-Risk: so many days without a purchase, and points to lose. -#}
{% macro is_at_risk(days_since_last_purchase, points) -%}
    coalesce({{ days_since_last_purchase }} >= {{ setting('at_risk_days') }} and {{ points }} > 0, false)
{%- endmacro %}

{#- Whether so many buyers with more money spent leave room among the High-Spenders: ties at the border are in. -#}
{% macro is_among_high_spenders(buyers_above, buyers) -%}
    {{ buyers_above }} < ceil({{ setting('high_spender_share') }} * {{ buyers }})
{%- endmacro %}
