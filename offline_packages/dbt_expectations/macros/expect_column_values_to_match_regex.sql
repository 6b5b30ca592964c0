{#- Rows whose text does not hold the pattern anywhere. -#}
{% test expect_column_values_to_match_regex(model, column_name, regex, row_condition=none, is_raw=false, flags="") %}
    {%- if is_raw -%}
        {{ exceptions.raise_compiler_error("is_raw is not in the offline stand-in of dbt_expectations") }}
    {%- endif -%}
    {{ dbt_expectations.rows_not(
        model, "regexp_like(" ~ column_name ~ ", '" ~ regex ~ "', '" ~ flags ~ "')", row_condition
    ) }}
{% endtest %}
