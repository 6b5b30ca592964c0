{#- How the days of a promotion are compared with days without one; docs/promotions.md has the methods and what they reach. Both
    methods work on logarithms, so that a lift and its interval are ratios. -#}

{#- The windows of days: `baseline` on each side of a promotion, `after` it for the dip, `placebo` before it. -#}
{% macro measured_windows() %}{{ return({'baseline': 28, 'after': 14, 'placebo': 14}) }}{% endmacro %}

{#- A number as a float, for means and logarithms. -#}
{% macro as_float(number) %}{{ return('cast(' ~ number ~ ' as ' ~ sql_type('double precision') ~ ')') }}{% endmacro %}

{#- A float with nine decimals: engines add floats in different orders, which shows in the last digits. -#}
{% macro settled(number) %}{{ return('cast(' ~ number ~ ' as decimal(28, 9))') }}{% endmacro %}

{#- A float with four decimals. Engines round a tie to either side, so it is moved off the tie first. -#}
{% macro shown(number) %}{{ return('cast(' ~ number ~ ' + 0.000000001 as decimal(18, 4))') }}{% endmacro %}

{#- The logarithm of how many units of one thing were sold for each unit of another; half a unit is added, because either may be 0. -#}
{% macro log_ratio(units, other_units) %}
    {{- return('ln(' ~ as_float(units) ~ ' + 0.5) - ln(' ~ as_float(other_units) ~ ' + 0.5)') -}}
{% endmacro %}

{#- The weekday of a day, 0 for Monday: 0001-01-01 was one. -#}
{% macro weekday_of(day) %}{{ return('(' ~ days_between(date_literal('0001-01-01'), day) ~ ' % 7)') }}{% endmacro %}

{#- Aggregate over the baseline days: the correlation of a day with the day before, from 0 to 0.9. A short series shows too little of it,
    so some is added.

    residual           of a day: how far it is from what is usual on its weekday
    times_day_before   the residual times that of the day before; null if the day before is no baseline day
    days               SQL of how many days they are -#}
{% macro day_correlation(residual, times_day_before, days) %}
    {%- set seen -%}
    coalesce(avg({{ times_day_before }}) / nullif(avg({{ residual }} * {{ residual }}), 0), 0)
    {%- endset -%}
    least(greatest({{ seen }} + (1 + 3 * greatest({{ seen }}, 0)) / {{ days }}, 0), 0.9)
{%- endmacro %}

{#- By how much that correlation widens a variance, and divides the degrees of freedom. -#}
{% macro correlation_factor(correlation) %}{{ return('((1 + ' ~ correlation ~ ') / (1 - ' ~ correlation ~ '))') }}{% endmacro %}

{#- The row of the seed t_quantiles to look up: whole degrees of freedom, 2 to 60, rounded down.

    days, weekdays  of the baseline: each weekday's mean takes one degree
    factor          the correlation_factor -#}
{% macro degrees_of_freedom(days, weekdays, factor) -%}
    cast(floor(least(greatest(({{ days }} - {{ weekdays }}) / {{ factor }}, 2), 60)) as integer)
{%- endmacro %}

{#- A lift from its logarithm, an SQL expression: 0.25 is a quarter more; null stays null. -#}
{% macro lift_of(logarithm) %}
    {%- set power = as_float('(' ~ logarithm ~ ')') -%}
    {{- return('cast(exp(case when ' ~ power ~ ' > 20 then 20 else ' ~ power ~ ' end) - 1 as decimal(18, 4))') -}}
{% endmacro %}

{#- SQL that says what a comparison lacks by the floors, in words; null if it has everything.

    prefix  of its columns, as int_promotion_comparisons has them -#}
{% macro lacks(prefix='') %}
    {%- set text = sql_type('text') %}
            case
                when {{ prefix }}baseline_days < {{ setting('promotion_min_baseline_days') }} then
                    'only ' || cast({{ prefix }}baseline_days as {{ text }})
                    || ' days without a promotion to compare with, {{ setting('promotion_min_baseline_days') }} are needed'
                when {{ prefix }}measured_days < {{ setting('promotion_min_days') }} then
                    'only ' || cast({{ prefix }}measured_days as {{ text }})
                    || ' days to judge, {{ setting('promotion_min_days') }} are needed'
                when {{ prefix }}weekdays_missing > 0 then 'a weekday of it has no day to compare with'
                when {{ prefix }}measured_units < {{ setting('promotion_min_units') }} then
                    'only ' || cast({{ prefix }}measured_units as {{ text }})
                    || ' units to judge, {{ setting('promotion_min_units') }} are needed'
                when {{ prefix }}baseline_units < {{ setting('promotion_min_units') }} then
                    'only ' || cast({{ prefix }}baseline_units as {{ text }})
                    || ' units to compare with, {{ setting('promotion_min_units') }} are needed'
                when {{ prefix }}standard_error is null or {{ prefix }}standard_error = 0 then
                    'the days to compare with are all the same'
            end
{%- endmacro %}
