{#- Places at which the relation's columns and the list differ, in their order. -#}
{% test expect_table_columns_to_match_ordered_list(model, column_list, transform="upper") %}
    {%- if transform not in ["upper", "lower"] -%}
        {{ exceptions.raise_compiler_error("transform must be upper or lower: " ~ transform) }}
    {%- endif -%}
    {%- set expected = column_list | map(transform) | list -%}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(model) -%}
            {%- do found.append(column.name | upper if transform == "upper" else column.name | lower) -%}
        {%- endfor -%}
    {%- endif %}
    select *
    from (
        {%- for place in range([expected | length, found | length] | max) %}
        select
            {{ place + 1 }} as place,
            cast({{ dbt.string_literal(expected[place]) if place < expected | length else "null" }} as {{ dbt.type_string() }}) as expected,
            cast({{ dbt.string_literal(found[place]) if place < found | length else "null" }} as {{ dbt.type_string() }}) as found
        {{ "union all" if not loop.last }}
        {%- else %}
        select 0 as place, cast(null as {{ dbt.type_string() }}) as expected, cast(null as {{ dbt.type_string() }}) as found
        {%- endfor %}
    ) as places
    where expected is distinct from found
{% endtest %}
