{#- The sum of the column, where it is outside the bounds. -#}
{% test expect_column_sum_to_be_between(
    model, column_name, min_value=none, max_value=none, group_by=none, row_condition=none, strictly=false
) %}
    {{ dbt_expectations.aggregate_outside(
        model, "sum(" ~ column_name ~ ")", min_value, max_value, group_by, row_condition, strictly
    ) }}
{% endtest %}
