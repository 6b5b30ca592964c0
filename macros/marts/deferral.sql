{#- How much of the money of sales belongs to the points that came with them, and when it is earned. IFRS 15, illustrative example 52
    (IE267 to IE270), gives the method. A point is worth its stand-alone price times the share that is expected to be redeemed.
    No model applies it, because it needs a retailer's own price and share: the analysis points_deferral does. -#}

{#- SQL for the share of the points of a month that is expected to be redeemed, by the var expected_redemption_share: the share of the
    latest day up to the month's end. Null before the first day, and where the var is not set.

    month_begins_on  SQL of the first day of the month -#}
{% macro expected_redemption_share(month_begins_on) %}
    {%- set shares, by_day = setting('expected_redemption_share'), {} -%}
    {%- for day, share in (shares if shares is mapping else {'0001-01-01': shares}).items() -%}
        {%- do by_day.update({day | string: share}) -%}
    {%- endfor -%}
    {%- set share -%}
        case
            {%- for day in by_day | sort(reverse=true) %}
            when {{ month_begins_on }} >= {{ first_of_month(date_literal(day)) }} then {{ 'null' if by_day[day] is none else by_day[day] }}
            {%- endfor %}
        end
    {%- endset -%}
    {{- return('cast(' ~ share ~ ' as ' ~ sql_type('numeric(9, 8)') ~ ')') -}}
{% endmacro %}

{#- SQL for the part of the sales that is deferred: split between goods and points by their stand-alone prices.

    sales     money of the sales with which the points were earned
    points    points earned with them
    price     stand-alone price of a point that is redeemed
    share     share of the points that is expected to be redeemed
    decimals  to how many decimals the points' part of the price is rounded; none: not at all -#}
{% macro deferred_revenue(sales, points, price, share, decimals=none) %}
    {%- set worth = points ~ ' * ' ~ price ~ ' * ' ~ share -%}
    {%- set part = worth ~ ' / nullif(' ~ sales ~ ' + ' ~ worth ~ ', 0)' -%}
    {{- return(sales ~ ' * ' ~ ('round(' ~ part ~ ', ' ~ decimals ~ ')' if decimals is not none else part)) -}}
{% endmacro %}

{#- SQL for what is earned of the deferred money so far: the share redeemed of the points that are expected to be redeemed.

    deferred  SQL of the deferred money
    redeemed  points redeemed so far
    points    points earned
    share     share of the points that is expected to be redeemed, by what is known now -#}
{% macro recognised_revenue(deferred, redeemed, points, share) %}
    {{- return('(' ~ deferred ~ ') * least(' ~ redeemed ~ ' / nullif(' ~ points ~ ' * ' ~ share ~ ', 0), 1)') -}}
{% endmacro %}
