{%- set columns = promotion_details_columns() -%}
{%- set raw_promotion_details = raw_table('promotion_details') -%}

with

read_values as (

    {{ read_cells(raw_promotion_details, columns) }}

),

repeated as (

    {{ repeated_keys(raw_promotion_details, columns, ['promotion_id']) }}

),

rows_to_judge as (

    select
        read_values.*,
        repeated.key_kept_row,
        repeated.key_is_conflict
    from read_values
    left join repeated on read_values.promotion_id = repeated.promotion_id

),

final as (

    {{ judge('rows_to_judge', columns, ['promotion_id'], promotion_details_rules()) }}

)

select * from final
