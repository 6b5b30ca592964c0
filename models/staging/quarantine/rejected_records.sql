{{ config(
    materialized='amended_table',
    indexes=[
        {'columns': ['record_key'], 'type': 'hash'},
        {'columns': [key_hash(['transaction_id'])]},
    ],
    meta={
        'unit': 'transaction_id',
        'units': 'affected_transactions',
        'null_units': "source_table like 'store_sales_%' and source_row_number is not null",
        'always': "source_table not like 'store_sales_%' or source_row_number is null",
    }
) }}

with

rejected as (
    {% for table in checked_tables() %}
    {{ rejected_rows(table) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    union all
    {{ rejected_lines() }}

),

-- rows without a key are counted by their cells, because all of them would meet in one task
copies as (

    select
        *,
        count(*) over (
            partition by source_table, record_key, keyless_record
        ) as rows_of_key,
        row_number() over (
            partition by source_table, record_key, keyless_record, raw_record
            order by source_row_number
        ) as copy_number
    from (
        select
            *,
            case when not has_key then raw_record end as keyless_record
        from rejected
    ) as rejected

),

-- over the builds a record is known by its key, even if its cells change; by its cells only where several rejected rows
-- share a key or have none
identified as (

    select
        *,
        case
            when has_key and rows_of_key = 1 then 'key'
            else copy_number || ' ' || cast(raw_record as {{ sql_type('text') }})
        end as known_by
    from copies

),

files as (

    {{ input_files() }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['identified.source_table', 'source_row_number', 'raw_record']) }}
            as rejected_record_id,
        {{ dbt_utils.generate_surrogate_key(['identified.source_table', 'record_key', 'known_by']) }} as quarantine_id,
        identified.source_table,
        identified.source_row_number,
        files.source_file,
        identified.source_row_number - files.first_row_number + 1 as row_in_file,
        identified.record_key,
        identified.transaction_id,
        identified.failed_rules,
        identified.reason,
        identified.caused_by,
        identified.raw_record,
        identified.amount_at_stake
    from identified
    left join files
        on
            identified.source_table = files.source_table
            and identified.file_id = files.file_id

)

select * from final
