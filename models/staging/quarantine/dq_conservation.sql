-- Each figure is counted where it stands: in the raw table, in the clean rows, among the rejects. None is derived from
-- another one, so a lost row or cent shows.
-- The branches of the Jinja if are laid out as what they render:
-- noqa: disable=LT02
{{ config(materialized='view') }}
{%- set money = {'store_sales_header': 'total_amount', 'store_sales_line_items': 'line_item_amount'} %}

with

unreadable_lines as (

    {{ input_unreadable_lines() }}

),

counted as (
    {% for table in checked_tables() %}
    {%- set amount = money.get(table) %}
    select
        '{{ table }}' as source_table,
        (select count(*) from {{ raw_table(table) }}) + (
            select count(*) from unreadable_lines
            where source_table = '{{ table }}'
        ) as rows_in,
        (
            select count(*) from {{ ref('checked_' ~ table) }}
            where is_valid
        ) as rows_clean,
        (
            select count(*) from {{ ref('rejected_records') }}
            where source_table = '{{ table }}'
        ) as rows_rejected,
        {% if table in fact_tables() -%}
        0
        {%- else -%}
        (select count(*) from ({{ superseded_rows(table) }}) as superseded)
        {%- endif %} as rows_superseded,
        {%- if amount %}
        (
            select coalesce(sum({{ column_of(columns_of(table), amount).read }}), 0)
            from (select {{ read_text(amount) }} as {{ amount }}_text from {{ raw_table(table) }}) as trimmed
        ) as amount_in,
        (
            select coalesce(sum(amount_at_stake), 0)
            from {{ ref('checked_' ~ table) }}
            where is_valid
        ) as amount_clean,
        (
            select coalesce(sum(amount_at_stake), 0)
            from {{ ref('rejected_records') }}
            where source_table = '{{ table }}'
        ) as amount_rejected,
        (
            select coalesce(sum({{ amount }}), 0)
            from {{ ref('checked_' ~ table) }}
            where is_valid
        ) as amount_clean_rounded
        {%- else %}
        cast(null as {{ sql_type('numeric') }}) as amount_in,
        cast(null as {{ sql_type('numeric') }}) as amount_clean,
        cast(null as {{ sql_type('numeric') }}) as amount_rejected,
        cast(null as {{ sql_type('numeric') }}) as amount_clean_rounded
        {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select * from counted
