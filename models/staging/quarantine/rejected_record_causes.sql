{{ config(
    materialized='amended_table',
    indexes=[{'columns': [key_hash(['transaction_id'])]}],
    meta={
        'unit': 'transaction_id',
        'units': 'affected_transactions',
        'null_units': "source_table like 'store_sales_%' and source_row_number is not null",
        'always': "source_table not like 'store_sales_%' or source_row_number is null",
    }
) }}
-- A master row has no cause but itself. A line or a stock count has itself and its parents, a header also the causes of
-- its lines, and a line or a redemption finally those of its header: three steps, no cycle. Keys are joined, never
-- parsed from the text of caused_by. Of a header's causes only the ten nearest are handed down: else a thousand bad
-- lines of one header would explain each other a million times.
{%- set handed_down = 10 %}
{%- set of_a_row = 'source_row_number, root_table, root_key, steps, trail' %}

with

rejected_records as (

    {{ affected_rejects(ref('rejected_records')) }}

),

rules as (

    select * from {{ ref('dq_rules') }}

),

checked_headers as (

    {{ affected_rows(ref('checked_store_sales_header')) }}

),

checked_line_items as (

    {{ affected_rows(ref('checked_store_sales_line_items')) }}

),

checked_redemptions as (

    select * from {{ ref('checked_loyalty_redemptions') }}

),

checked_counts as (

    select * from {{ ref('checked_inventory_levels') }}

),

headers as (

    select
        *,
        'store_sales_header:' || record_key as step
    from checked_headers
    where not is_valid

),

line_items as (

    select
        *,
        'store_sales_line_items:' || record_key as step
    from checked_line_items
    where not is_valid

),

redemptions as (

    select
        *,
        'loyalty_redemptions:' || record_key as step
    from checked_redemptions
    where not is_valid

),

counts as (

    select
        *,
        'inventory_levels:' || record_key as step
    from checked_counts
    where not is_valid

),

-- what is wrong with a record itself
own_faults as (

    select
        rejected_records.source_table,
        rejected_records.source_row_number,
        rejected_records.record_key,
        rules.rule_id
    from rejected_records
    inner join rules
        on
            rejected_records.source_table = rules.source_table
            and {{ has_label('rejected_records.failed_rules', 'rules.rule_id') }}
    where not rules.is_cascade

),

itself as (

    select distinct
        source_table,
        source_row_number,
        source_table as root_table,
        record_key as root_key,
        0 as steps,
        source_table || ':' || record_key as trail
    from own_faults

),

parents_of_line_items as (
    {{ failed_parents(store_sales_line_items_rules(), 'line_items') }}
),

parents_of_headers as (
    {{ failed_parents(store_sales_header_rules(), 'headers') }}
),

parents_of_redemptions as (
    {{ failed_parents(loyalty_redemptions_rules(), 'redemptions') }}
),

parents_of_counts as (
    {{ failed_parents(inventory_levels_rules(), 'counts') }}
),

causes_of_line_items as (

    select {{ of_a_row }}
    from itself
    where source_table = 'store_sales_line_items'
    union all
    select {{ of_a_row }}
    from parents_of_line_items

),

-- a line whose key another row holds does not spoil its header
through_line_items as (

    select
        headers.source_row_number,
        causes_of_line_items.root_table,
        causes_of_line_items.root_key,
        causes_of_line_items.steps + 1 as steps,
        headers.step || ' < ' || causes_of_line_items.trail as trail
    from headers
    inner join line_items on headers.transaction_id = line_items.transaction_id
    inner join causes_of_line_items on line_items.source_row_number = causes_of_line_items.source_row_number
    where
        {{ has_label('headers.failed_rules', "'line_item_rejected'") }}
        and not line_items.key_is_taken
        and not {{ has_label('line_items.failed_rules', "'transaction_id_closed'") }}

),

causes_of_headers as (

    select {{ of_a_row }}
    from itself
    where source_table = 'store_sales_header'
    union all
    select {{ of_a_row }}
    from parents_of_headers
    union all
    select {{ of_a_row }}
    from through_line_items

),

-- a header without a key, or whose key another row holds, doesn't affect its lines
nearest_causes_of_headers as (

    select
        headers.transaction_id,
        causes_of_headers.root_table,
        causes_of_headers.root_key,
        causes_of_headers.steps,
        causes_of_headers.trail,
        row_number() over (
            partition by headers.transaction_id
            order by causes_of_headers.steps, {{ by_code_point('causes_of_headers.trail') }}
        ) as place
    from headers
    inner join causes_of_headers on headers.source_row_number = causes_of_headers.source_row_number
    where not headers.key_is_taken and headers.transaction_id is not null

),

rejected_with_their_headers as (

    select
        'store_sales_line_items' as source_table,
        source_row_number,
        transaction_id,
        step
    from line_items
    where {{ has_label('failed_rules', "'transaction_rejected'") }}
    union all
    select
        'loyalty_redemptions' as source_table,
        source_row_number,
        transaction_id,
        step
    from redemptions
    where {{ has_label('failed_rules', "'transaction_id_parent_rejected'") }}

),

through_headers as (

    select
        rejected_with_their_headers.source_table,
        rejected_with_their_headers.source_row_number,
        nearest_causes_of_headers.root_table,
        nearest_causes_of_headers.root_key,
        nearest_causes_of_headers.steps + 1 as steps,
        rejected_with_their_headers.step || ' < ' || nearest_causes_of_headers.trail as trail
    from rejected_with_their_headers
    inner join nearest_causes_of_headers
        on rejected_with_their_headers.transaction_id = nearest_causes_of_headers.transaction_id
    where nearest_causes_of_headers.place <= {{ handed_down }}

),

causes as (

    select
        source_table,
        {{ of_a_row }}
    from itself
    where source_table not like 'store_sales_%'
    union all
    select
        'store_sales_header' as source_table,
        {{ of_a_row }}
    from causes_of_headers
    union all
    select
        'store_sales_line_items' as source_table,
        {{ of_a_row }}
    from causes_of_line_items
    union all
    select
        'loyalty_redemptions' as source_table,
        {{ of_a_row }}
    from parents_of_redemptions
    union all
    select
        'inventory_levels' as source_table,
        {{ of_a_row }}
    from parents_of_counts
    union all
    select
        source_table,
        {{ of_a_row }}
    from through_headers

),

-- the shortest trail to each root
shortest as (

    select
        *,
        row_number() over (
            partition by source_table, source_row_number, root_table, root_key
            order by steps, {{ by_code_point('trail') }}
        ) as way
    from causes

),

faults_of_keys as (

    select
        source_table,
        record_key,
        {{ join_texts('rule_id') }} as rules
    from own_faults
    group by source_table, record_key

),

final as (

    select
        rejected_records.rejected_record_id,
        shortest.source_table,
        shortest.source_row_number,
        rejected_records.record_key,
        rejected_records.transaction_id,
        shortest.root_table,
        shortest.root_key,
        faults_of_keys.rules as root_rules,
        faults_of_keys.rules is null as root_is_absent,
        shortest.steps,
        shortest.trail
    from shortest
    inner join rejected_records
        on
            shortest.source_table = rejected_records.source_table
            and shortest.source_row_number = rejected_records.source_row_number
    left join faults_of_keys
        on
            shortest.root_table = faults_of_keys.source_table
            and shortest.root_key = faults_of_keys.record_key
    where shortest.way = 1
    union all
    -- an unreadable line has no row number and no key: it is its own root
    select
        rejected_record_id,
        source_table,
        source_row_number,
        record_key,
        transaction_id,
        source_table as root_table,
        record_key as root_key,
        failed_rules as root_rules,
        false as root_is_absent,
        0 as steps,
        source_table || ':' || source_file as trail
    from rejected_records
    where source_row_number is null

)

select * from final
