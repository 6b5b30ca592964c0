{#- Combinations that more than one row has, leaving out rows with nulls in all or in any of the columns. -#}
{% test expect_compound_columns_to_be_unique(
    model, column_list, quote_columns=false, ignore_row_if="all_values_are_missing", row_condition=none
) %}
    {%- set joiners = {"all_values_are_missing": " and ", "any_value_is_missing": " or "} -%}
    {%- if ignore_row_if not in joiners -%}
        {{ exceptions.raise_compiler_error("ignore_row_if must be one of " ~ joiners | join(", ") ~ ": " ~ ignore_row_if) }}
    {%- endif -%}
    {%- set names = [] -%}
    {%- set nulls = [] -%}
    {%- for column in column_list -%}
        {%- do names.append(adapter.quote(column) if quote_columns else column) -%}
        {%- do nulls.append(names[-1] ~ " is null") -%}
    {%- endfor %}
    select {{ names | join(", ") }}, count(*) as row_count
    from (
        select *
        from {{ dbt_expectations.rows_of(model, row_condition) }}
    ) as judged
    where not ({{ nulls | join(joiners[ignore_row_if]) }})
    group by {{ names | join(", ") }}
    having count(*) > 1
{% endtest %}
