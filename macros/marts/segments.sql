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
