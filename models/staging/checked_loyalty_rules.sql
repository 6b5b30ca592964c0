{%- set columns = loyalty_rules_columns() -%}
{%- set raw_loyalty_rules = raw_table('loyalty_rules') -%}

with

read_values as (

    {{ read_cells(raw_loyalty_rules, columns) }}

),

repeated as (

    {{ repeated_keys(raw_loyalty_rules, columns, ['rule_id']) }}

),

rows_to_judge as (

    select
        read_values.*,
        repeated.key_kept_row,
        repeated.key_is_conflict
    from read_values
    left join repeated on read_values.rule_id = repeated.rule_id

),

final as (

    {{ judge('rows_to_judge', columns, ['rule_id'], loyalty_rules_rules()) }}

)

select * from final
