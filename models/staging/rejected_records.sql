with

rejected as (
    {% for table in checked_tables() %}
    {{ rejected_rows(table) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

copies as (

    select
        *,
        count(*) over (
            partition by source_table, record_key
        ) as rows_of_key,
        row_number() over (
            partition by source_table, record_key, raw_record
            order by source_row_number
        ) as copy_number
    from rejected

),

-- over the builds a record is known by its key, whatever its cells become; only where several rejected rows share a
-- key, or have none, by its cells
identified as (

    select
        *,
        case
            when has_key and rows_of_key = 1 then 'key'
            else copy_number || ' ' || cast(raw_record as text)
        end as known_by
    from copies

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['source_table', 'source_row_number', 'raw_record']) }}
            as rejected_record_id,
        {{ dbt_utils.generate_surrogate_key(['source_table', 'record_key', 'known_by']) }} as quarantine_id,
        source_table,
        source_row_number,
        record_key,
        failed_rules,
        reason,
        caused_by,
        raw_record,
        amount_at_stake
    from identified

)

select * from final
