{#- Is `expression` inside the bounds? SQL for the rows; without a bound everything is. -#}
{% macro within(expression, min_value, max_value, strictly) -%}
    {%- if min_value is none and max_value is none -%}
        {{ exceptions.raise_compiler_error("a between test needs min_value, max_value or both") }}
    {%- endif -%}
    {%- set or_equal = "" if strictly else "=" -%}
    {%- set bounds = [] -%}
    {%- if min_value is not none -%} {%- do bounds.append(expression ~ " >" ~ or_equal ~ " " ~ min_value) -%} {%- endif -%}
    {%- if max_value is not none -%} {%- do bounds.append(expression ~ " <" ~ or_equal ~ " " ~ max_value) -%} {%- endif -%}
    ({{ bounds | join(" and ") }})
{%- endmacro %}

{#- The rows of a test: all, or those that meet its row_condition. -#}
{% macro rows_of(model, row_condition) -%}
    {{ model }}
    {% if row_condition is not none %}where {{ row_condition }}{% endif %}
{%- endmacro %}

{#- The tests on a whole: an aggregate, over all or for each group, that is outside its bounds. -#}
{% macro aggregate_outside(model, aggregate, min_value, max_value, group_by, row_condition, strictly) %}
    {%- set groups = (group_by or []) | join(", ") %}
    select *
    from (
        select {{ groups ~ "," if groups }} {{ aggregate }} as aggregate_value
        from {{ dbt_expectations.rows_of(model, row_condition) }}
        {{ "group by " ~ groups if groups }}
    ) as aggregated
    where not {{ dbt_expectations.within("aggregate_value", min_value, max_value, strictly) }}
{% endmacro %}

{#- The tests on rows: those that do not meet an expression. -#}
{% macro rows_not(model, expression, row_condition) %}
    select *
    from (
        select *
        from {{ dbt_expectations.rows_of(model, row_condition) }}
    ) as judged
    where not ({{ expression }})
{% endmacro %}
