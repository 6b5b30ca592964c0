with

segments as (

    select * from {{ ref('segments') }}

),

conditions as (
    {% for segment_id in segment_conditions() %}
    select '{{ segment_id }}' as segment_id
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select
    segments.segment_id as segment_of_the_seed,
    conditions.segment_id as segment_of_the_macro
from segments
full outer join conditions on segments.segment_id = conditions.segment_id
where
    -- `dbt build --empty` reads no segments
    {{ 'false' if flags.EMPTY else '(segments.segment_id is null or conditions.segment_id is null)' }}
