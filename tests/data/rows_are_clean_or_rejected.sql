-- row by row, where dq_conservation counts: a row lost here and another doubled there would not even out
{% for table in checked_tables() %}
select
    '{{ table }}' as source_table,
    came_in.source_row_number,
    count(sides.source_row_number) as sides
from {{ raw_table(table) }} as came_in
full outer join (
    select source_row_number from {{ ref('checked_' ~ table) }}
    where is_valid
    union all
    select source_row_number from {{ ref('rejected_records') }}
    where source_table = '{{ table }}'
) as sides
    on came_in.source_row_number = sides.source_row_number
group by came_in.source_row_number
having count(sides.source_row_number) <> 1 or came_in.source_row_number is null
{{ 'union all' if not loop.last }}
{%- endfor %}
