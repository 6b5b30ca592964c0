{#- A score of 1 to 5 by mid-rank quintiles: equal values share a score, and the middle of their ranks decides which.

    goodness   SQL to order by, the worst value first
    value      the column whose equal values are ties -#}
{% macro quintile_score(goodness, value) -%}
    cast(
            least(5, greatest(1, ceil(
                5.0 * (
                    2 * (rank() over (order by {{ goodness }}) - 1)
                    + count(*) over (partition by {{ value }})
                ) / (2.0 * count(*) over ())
            ))) as integer
        )
{%- endmacro %}
