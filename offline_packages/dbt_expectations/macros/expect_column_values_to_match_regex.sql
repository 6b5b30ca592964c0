{#- Rows whose text does not hold the pattern anywhere. -#}
{% test expect_column_values_to_match_regex(model, column_name, regex, row_condition=none, is_raw=false, flags="") %}
    {%- if is_raw -%}
        {{ exceptions.raise_compiler_error("is_raw is not in the offline stand-in of dbt_expectations") }}
    {%- endif -%}
    {{ dbt_expectations.rows_not(
        model, dbt_expectations.holds_pattern(column_name, regex, flags), row_condition
    ) }}
{% endtest %}

{#- Whether a text holds the pattern anywhere, by the engine's own function. -#}
{% macro holds_pattern(text, regex, flags) -%}
    {{ return(adapter.dispatch("holds_pattern", "dbt_expectations")(text, regex, flags)) }}
{%- endmacro %}

{% macro default__holds_pattern(text, regex, flags) -%}
    {{ return("regexp_like(" ~ text ~ ", '" ~ regex ~ "', '" ~ flags ~ "')") }}
{%- endmacro %}

{% macro duckdb__holds_pattern(text, regex, flags) -%}
    {{ return("regexp_matches(" ~ text ~ ", '" ~ regex ~ "', '" ~ flags ~ "')") }}
{%- endmacro %}

{% macro spark__holds_pattern(text, regex, flags) -%}
    {{ return(text ~ " rlike '" ~ ("(?" ~ flags ~ ")" if flags else "") ~ regex ~ "'") }}
{%- endmacro %}
