{#- Rows whose text is too short or too long. -#}
{% test expect_column_value_lengths_to_be_between(
    model, column_name, min_value=none, max_value=none, row_condition=none, strictly=false
) %}
    {{ dbt_expectations.rows_not(
        model, dbt_expectations.within("length(" ~ column_name ~ ")", min_value, max_value, strictly), row_condition
    ) }}
{% endtest %}
