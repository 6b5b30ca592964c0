{#- Rows whose value is outside the bounds. -#}
{% test expect_column_values_to_be_between(
    model, column_name, min_value=none, max_value=none, row_condition=none, strictly=false
) %}
    {{ dbt_expectations.rows_not(
        model, dbt_expectations.within(column_name, min_value, max_value, strictly), row_condition
    ) }}
{% endtest %}
