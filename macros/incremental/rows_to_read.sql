{#- SQL that selects all raw rows of a table.

    table    its name
    columns  <table>_columns() -#}
{% macro raw_rows(table, columns) %}
        select
            source_row_number,
            {{ raw_file_id() }} as file_id,
            {{ columns | map(attribute='name') | join(',\n            ') }}
        from {{ raw_table(table) }}
{%- endmacro %}

{#- SQL that selects the raw rows of a table that this build has to judge: all of them; or, where the build amends, those of new
    files, those that a steward repaired, and those that are judged again.

    table     its name
    columns   <table>_columns()
    affected  SQL that selects the checked rows to judge again -#}
{% macro rows_to_read(table, columns, affected) %}
    {%- set cells = raw_rows(table, columns) -%}
    {%- set checked = 'checked_' ~ table -%}
    {{ cells }}
    {%- if amends() %}
        where source_row_number >= {{ new_rows_from(checked) }}
        union all
        {{ cells }}
        where
            source_row_number < {{ new_rows_from(checked) }}
            and source_row_number in (
                select source_row_number from ({{ affected }}) as checked
                union
                select source_row_number from {{ source('landing', 'repairs') }}
                where source_table = '{{ table }}' and file_id > {{ build_plan().through[checked] }}
            )
    {%- endif %}
{% endmacro %}

{#- The number of a table's first raw row that the model does not hold; beyond all of them where there is none. -#}
{% macro new_rows_from(model_name) %}
    {{- return(build_plan().first_row.get(model_name) or '9223372036854775807') -}}
{% endmacro %}

{#- The same for a table of sales, where the rows of affected transactions are judged again. -#}
{% macro facts_to_read(table, columns) %}
    {%- do affected_transactions() -%}
    {{- return(rows_to_read(
        table, columns, affected_rows(source('last_build', 'checked_' ~ table)) if amends()
    )) -}}
{% endmacro %}
