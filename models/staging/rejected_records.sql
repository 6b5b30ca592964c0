with

rejected as (
    {% for table in checked_tables() %}
    {{ rejected_rows(table) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['source_table', 'source_row_number', 'raw_record']) }}
            as rejected_record_id,
        source_table,
        source_row_number,
        record_key,
        failed_rules,
        reason,
        caused_by,
        raw_record,
        amount_at_stake
    from rejected

)

select * from final
