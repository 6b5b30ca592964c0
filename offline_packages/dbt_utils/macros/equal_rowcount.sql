{#- The difference in the number of rows, over all or for each group that one of the two has. -#}
{% test equal_rowcount(model, compare_model, group_by_columns=[]) %}
    {{ config(fail_calc="coalesce(sum(row_difference), 0)") }}
    {%- set groups = group_by_columns | join(", ") %}
    with this_side as (
        select {{ groups ~ "," if groups }} count(*) as this_rows
        from {{ model }}
        {{ "group by " ~ groups if groups }}
    ),

    other_side as (
        select {{ groups ~ "," if groups }} count(*) as other_rows
        from {{ compare_model }}
        {{ "group by " ~ groups if groups }}
    )

    select
        {{ groups ~ "," if groups }}
        this_rows,
        other_rows,
        abs(coalesce(this_rows, 0) - coalesce(other_rows, 0)) as row_difference
    from this_side
    {{ "full outer join other_side using (" ~ groups ~ ")" if groups else "cross join other_side" }}
    where coalesce(this_rows, 0) <> coalesce(other_rows, 0)
{% endtest %}
