{#- The raw rows of a table that this build has to judge: all of them; or those of new files, those that a steward repaired,
    and those that were judged before and are affected now.

    affected   SQL that selects the checked rows to judge again -#}
{% macro rows_to_read(table, affected) %}
    {%- set relation = raw_table(table) -%}
    {%- if not lands() -%}
        {{- return('(select 1 as file_id, seed.* from ' ~ nameable(relation) ~ ' as seed)') -}}
    {%- endif -%}
    {%- if not amends() -%}{{- return(nameable(relation)) -}}{%- endif -%}
    {%- set checked = 'checked_' ~ table -%}
    {%- set columns = columns_of(table) | map(attribute='name') | list -%}
    {%- set through = plan().through[checked] -%}
    {%- set sql -%}
        (
            select source_row_number, file_id, {{ columns | join(', ') }}
            from {{ relation }}
            where source_row_number >= {{ new_rows_from(checked) }}
            union all
            select source_row_number, file_id, {{ columns | join(', ') }}
            from {{ relation }}
            where
                source_row_number < {{ new_rows_from(checked) }}
                and source_row_number in (
                    select source_row_number from ({{ affected }}) as checked
                    union
                    select source_row_number from {{ source('landing', 'repairs') }}
                    where source_table = '{{ table }}' and file_id > {{ through }}
                )
        )
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{#- The number of a table's first raw row that the model does not hold; beyond all of them where there is none. -#}
{% macro new_rows_from(model_name) %}
    {{- return(plan().first_row.get(model_name) or '9223372036854775807') -}}
{% endmacro %}

{#- The same of a table of facts, whose affected rows are those of affected transactions. -#}
{% macro facts_to_read(table) %}
    {%- if not amends() -%}{{- return(rows_to_read(table, none)) -}}{%- endif -%}
    {{- return(rows_to_read(
        table, 'select * from ' ~ affected_rows(source('last_build', 'checked_' ~ table)) ~ ' as affected'
    )) -}}
{% endmacro %}
