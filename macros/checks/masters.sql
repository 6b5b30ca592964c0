{#- The checked rows of a master table. It has no parents, so each row is judged by itself, and its key by the rows that share
    it.

    table    its name
    columns  <table>_columns()
    rules    <table>_rules()
    lasting  a value that the first delivery to state it keeps, whatever later ones state: its name, and its SQL over a row -#}
{% macro check_master(table, columns, rules, lasting=none) %}
    {%- set key = key_of(table) -%}
    {%- set rows = rows_to_read(table, columns, affected_masters(table) if amends()) %}

with

read_values as (

    {{ read_cells(rows, columns) }}

),

key_conflicts as (

    {{ key_conflicts_of_masters(rows, columns, key, rules, lasting.sql if lasting) }}

),
{% if lasting and amends() %}
-- what was stated before the rows that are read now
known as (

    select
        {{ key[0] }},
        max({{ lasting.name }}) as {{ lasting.name }}
    from {{ this }}
    where {{ key[0] }} in (select {{ key[0] }} from read_values)
    group by {{ key[0] }}

),
{% endif %}
rows_to_judge as (

    select
        read_values.*,
        key_conflicts.key_is_copy,
        key_conflicts.key_is_conflict
        {%- if lasting %},
        coalesce(
            {%- if amends() %}
            known.{{ lasting.name }},
            {%- endif %}
            case when key_conflicts.source_row_number is null then {{ lasting.sql }} else key_conflicts.lasting_value end
        ) as {{ lasting.name }}
        {%- endif %}
    from read_values
    left join key_conflicts on read_values.source_row_number = key_conflicts.source_row_number
    {%- if lasting and amends() %}
    left join known on read_values.{{ key[0] }} = known.{{ key[0] }}
    {%- endif %}
    where coalesce(key_conflicts.is_current, true)

),

final as (

    {{ judge('rows_to_judge', columns, key, rules, also=[lasting.name] if lasting else []) }}

)

select * from final
{% endmacro %}

{#- The rows of a checked master table to judge again: those whose keys new rows state, and those that a later cut-off date may
    turn from future into past. -#}
{% macro affected_masters(table) %}
    {%- set key = key_of(table)[0] %}
    select *
    from {{ this }}
    where
        {{ key }} in (
            select {{ read_text(key) }} from {{ raw_table(table) }}
            where source_row_number >= {{ new_rows_from(model.name) }}
        )
        {%- if table == 'customer_details' %}
        or {{ key }} in (
            select {{ key }} from {{ this }} where {{ has_label('warned_rules', "'last_purchase_date_in_future'") }}
        )
        {%- endif %}
{% endmacro %}
