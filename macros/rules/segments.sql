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
