{#- Rows whose value is outside the range; a bound may be a value or any SQL expression, a null is in every range. -#}
{% test accepted_range(model, column_name, min_value=none, max_value=none, inclusive=true) %}
    {%- if min_value is none and max_value is none -%}
        {{ exceptions.raise_compiler_error("accepted_range needs min_value, max_value or both") }}
    {%- endif %}
    {%- set or_equal = "=" if inclusive else "" -%}
    {%- set bounds = [] -%}
    {%- if min_value is not none -%} {%- do bounds.append(column_name ~ " >" ~ or_equal ~ " " ~ min_value) -%} {%- endif -%}
    {%- if max_value is not none -%} {%- do bounds.append(column_name ~ " <" ~ or_equal ~ " " ~ max_value) -%} {%- endif -%}
    select *
    from {{ model }}
    where not ({{ bounds | join(" and ") }})
{% endtest %}
