-- row by row, where dq_conservation counts: a row lost here and another one doubled there don't cancel out
with

came_in as (
    {% for table in checked_tables() %}
    select
        '{{ table }}' as source_table,
        source_row_number
    from {{ raw_table(table) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

sides as (
    {% for table in checked_tables() %}
    select
        '{{ table }}' as source_table,
        source_row_number
    from {{ ref('checked_' ~ table) }}
    where is_valid
    union all
    {%- endfor %}
    select
        source_table,
        source_row_number
    from {{ ref('rejected_records') }}
    -- an unreadable line has no row number; dq_conservation counts it
    where source_row_number is not null
    {%- for table in checked_tables() if table not in fact_tables() %}
    -- what a later delivery replaced or repeats: another row of the key is there instead
    union all
    select
        '{{ table }}' as source_table,
        source_row_number
    from ({{ superseded_rows(table) }}) as superseded
    {%- endfor %}

)

select
    coalesce(came_in.source_table, sides.source_table) as source_table,
    coalesce(came_in.source_row_number, sides.source_row_number) as source_row_number,
    count(came_in.source_row_number) as times_in,
    count(sides.source_row_number) as sides
from came_in
full outer join sides
    on
        came_in.source_table = sides.source_table
        and came_in.source_row_number = sides.source_row_number
group by 1, 2
having count(came_in.source_row_number) <> 1 or count(sides.source_row_number) <> 1
