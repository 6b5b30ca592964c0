{#- How many rows of a table were judged, unreadable lines included. `retail load` has counted the sales that it loaded, so they
    are not counted again each day. -#}
{% macro rows_judged(table) %}
    {%- set sql -%}
        (
            {%- if lands() and table in sales_tables() %}
            (
                select coalesce(sum(rows), 0) from ({{ input_files() }}) as input_files
                where source_table = '{{ table }}' and first_row_number > 0
            ) - (
                select count(*) from {{ source('landing', 'repairs') }}
                where source_table = '{{ table }}' and action = 'withdrawn'
            )
            {%- else %}
            (select count(*) from {{ ref('checked_' ~ table) }})
            {%- endif %} + (
                select count(*) from ({{ input_unreadable_lines() }}) as unreadable_lines
                where source_table = '{{ table }}'
            )
        )
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{#- The raw rows of a master table that were superseded: a later delivery replaced them, or they repeat what stands. Facts are
    never superseded. -#}
{% macro superseded_rows(table) %}
    {%- set key = key_of(table)[0] %}
    select raw_rows.source_row_number
    from (select * from {{ raw_table(table) }}) as raw_rows
    left join (select * from {{ ref('checked_' ~ table) }}) as checked
        on raw_rows.source_row_number = checked.source_row_number
    where
        checked.source_row_number is null
        and {{ read_text('raw_rows.' ~ key) }} in (select {{ key }} from {{ ref('checked_' ~ table) }})
{% endmacro %}
