{#- The figures that customers are scored by. Of a worth more is better. -#}
{% macro rfm_dimensions() %}
    {{- return([
        {'name': 'R', 'value': 'recency_days', 'worth': '-recency_days', 'score': 'r_score'},
        {'name': 'F', 'value': 'frequency', 'worth': 'frequency', 'score': 'f_score'},
        {'name': 'M', 'value': 'monetary', 'worth': 'monetary', 'score': 'm_score'},
    ]) -}}
{% endmacro %}

{#- How many customers stand below each worth of a dimension. A rank over all customers would sort them in one task. Here
    they are counted by worth and by bucket of worths; only the buckets, which are few, stand in one order, and then the
    worths of each bucket. Rounding keeps the order, whatever the sign.

    counted  a CTE with dimension, worth and customers, one row a dimension and worth -#}
{% macro mid_ranks(counted) %}
    {%- set bucket = 'round(' ~ counted ~ '.worth, -2)' %}
    select
        {{ counted }}.*,
        buckets.customers_below + cast(
            sum({{ counted }}.customers) over (
                partition by {{ counted }}.dimension, buckets.bucket
                order by {{ counted }}.worth
                rows between unbounded preceding and current row
            ) as bigint
        ) - {{ counted }}.customers as customers_below,
        buckets.buyers
    from {{ counted }}
    inner join (
        select
            dimension,
            bucket,
            cast(sum(customers) over (
                partition by dimension
                order by bucket
                rows between unbounded preceding and current row
            ) as bigint) - customers as customers_below,
            cast(sum(customers) over (partition by dimension) as bigint) as buyers
        from (
            select
                dimension,
                {{ bucket }} as bucket,
                cast(sum(customers) as bigint) as customers
            from {{ counted }}
            group by 1, 2
        ) as counted_by_bucket
    ) as buckets
        on
            {{ counted }}.dimension = buckets.dimension
            and {{ bucket }} = buckets.bucket
{% endmacro %}

{#- A score of 1 to 5 by mid-rank quintiles, over the columns of mid_ranks: equal worths share a score, and the middle of
    their ranks decides which. The quotient is rounded up, in whole numbers. -#}
{% macro quintile_score() -%}
    {{ divide_whole('5 * (2 * customers_below + customers) + 2 * buyers - 1', '2 * buyers') }}
{%- endmacro %}

{#- The worst worth of each score above 1, or of a better score where nobody has that one: one row.

    scored_worths  a CTE with dimension, worth and score -#}
{% macro lowest_worths(scored_worths) %}
    select
        {%- for dimension in rfm_dimensions() %}
        {%- set is_last = loop.last %}
        {%- for score in range(2, 6) %}
        min(case when dimension = '{{ dimension.name }}' and score >= {{ score }} then worth end)
            as {{ dimension.score }}_{{ score }} {{- ',' if not (is_last and loop.last) }}
        {%- endfor %}
        {%- endfor %}
    from {{ scored_worths }}
{% endmacro %}

{#- The score of a customer: it never falls while the worth rises.

    lowest_worths  a CTE with the one row of lowest_worths
    dimension      one of rfm_dimensions -#}
{% macro score_by(lowest_worths, dimension) -%}
    case
            {%- for score in range(5, 1, -1) %}
            when {{ dimension.worth }} >= {{ lowest_worths }}.{{ dimension.score }}_{{ score }} then {{ score }}
            {%- endfor %}
            else 1
        end
{%- endmacro %}

{#- The segment of a customer: the one of the scores, which may praise, unless returns took back all that was spent. -#}
{% macro rfm_segment_of(segment_of_scores, monetary) -%}
    case when {{ monetary }} > 0 then {{ segment_of_scores }} else 'No Net Spend' end
{%- endmacro %}
