{#- How many rows of a table were judged, lines that are no rows among them. Of the facts that retail load brought, the loader
    knows: the rows of all days need not be counted again each day. -#}
{% macro rows_judged(table) %}
    {%- if not lands() -%}
        {{- return('(select count(*) from ' ~ ref('checked_' ~ table) ~ ')') -}}
    {%- endif -%}
    {%- set sql -%}
        (
            {%- if table in fact_tables() %}
            (
                select coalesce(sum(rows), 0) from {{ source('landing', 'loaded_files') }}
                where source_table = '{{ table }}' and first_row_number > 0
            ) - (
                select count(*) from {{ source('landing', 'repairs') }}
                where source_table = '{{ table }}' and action = 'withdrawn'
            )
            {%- else %}
            (select count(*) from {{ ref('checked_' ~ table) }})
            {%- endif %} + (
                select count(*) from {{ source('landing', 'unreadable_lines') }}
                where source_table = '{{ table }}'
            )
        )
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{#- How many rows of a master table say what another row says now: an earlier statement of a clean or rejected key, or a
    repetition of what stands. Facts are never superseded. -#}
{% macro rows_superseded(table) %}
    {%- if not lands() or table in fact_tables() -%}{{- return('0') -}}{%- endif -%}
    {%- set key = key_of(table)[0] -%}
    {%- set sql -%}
        (
            select count(*)
            from {{ nameable(raw_table(table)) }} as raw
            left join {{ nameable(ref('checked_' ~ table)) }} as checked on raw.source_row_number = checked.source_row_number
            where
                checked.source_row_number is null
                and {{ read_text('raw.' ~ key) }} in (select {{ key }} from {{ ref('checked_' ~ table) }})
        )
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}
