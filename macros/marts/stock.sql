{#- When a run of days without a sale is suspected to be a stock-out; docs/offers.md has the method and what it reaches. -#}

{#- Its limits: `chance` of a false alarm in the whole series of a product in a store; `share_without_sale`, the share of other
    days without a sale that hides a stock-out; `selling_days` that a series needs; `days_around` a run to compare it with;
    `burstiness`, by which days without a sale may follow each other more often than by chance. -#}
{% macro suspicion() %}
    {{- return({
        'chance': 0.002, 'share_without_sale': 0.3, 'selling_days': 30, 'days_around': 28, 'burstiness': 1.03,
    }) -}}
{% endmacro %}

{#- The share of days without a sale, never 0: one more of each is added. -#}
{% macro share_without_sale(days_without_sale, days) %}
    {{- return('((' ~ as_float(days_without_sale) ~ ' + 1) / (' ~ days ~ ' + 2))') -}}
{% endmacro %}

{#- Whether so many days in a row without a sale are no chance, among so many open days.

    share  of other days without a sale -#}
{% macro is_no_chance(share, days_out, open_days) -%}
    {{ share }} <= {{ suspicion().share_without_sale }}
    and {{ days_out }} * ln({{ share }}) + ln({{ as_float(open_days) }}) < ln({{ as_float(suspicion().chance) }})
{%- endmacro %}
