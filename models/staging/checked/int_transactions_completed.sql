{{ config(
    enabled=var('raw_layer', 'seeds') == 'landing',
    meta={'unlogged': true, 'analyze': true}
) }}
-- The first delivery that makes a transaction whole completes it: what is delivered for it later changes nothing.
{%- set columns = store_sales_header_columns() %}
{%- set rules = store_sales_header_rules() %}

with

-- a delivery is known by its last file
files as (

    select
        file_id,
        max(file_id) over (partition by batch_id) as through_file_id
    from ({{ input_files() }}) as input_files

),

in_parts as (

    select transaction_id from {{ ref('int_transactions_line_totals') }}
    where came_in_parts

),

validated as (

    select * from {{ ref('int_line_items_validated') }}

),

line_items as (

    select
        line_items.*,
        coalesce(files.through_file_id, line_items.file_id) as through_file_id
    from validated as line_items
    inner join in_parts on line_items.transaction_id = in_parts.transaction_id
    left join files on line_items.file_id = files.file_id
    where not line_items.key_is_taken

),

raw_headers as (

    {{ facts_to_read('store_sales_header', columns) }}

),

headers_in_parts as (

    select raw_headers.*
    from raw_headers
    inner join in_parts on {{ read_text('raw_headers.transaction_id') }} = in_parts.transaction_id

),

key_conflicts as (

    select * from {{ ref('int_headers_key_conflicts') }}

),

read_headers as (

    {{ read_cells('select * from headers_in_parts', columns) }}

),

headers as (

    select
        read_headers.*,
        coalesce(files.through_file_id, read_headers.file_id) as through_file_id
    from read_headers
    left join files on read_headers.file_id = files.file_id
    left join key_conflicts on read_headers.source_row_number = key_conflicts.source_row_number
    where not coalesce(key_conflicts.key_is_taken, false)

),

delivered as (

    select
        transaction_id,
        through_file_id,
        count(*) as lines_count,
        bool_or(quantity < 0) as lines_have_return,
        sum(amount_at_stake) as lines_amount,
        bool_and(amount_at_stake is not null) as amounts_are_read,
        bool_and(is_valid) as lines_are_valid
    from line_items
    group by transaction_id, through_file_id

),

so_far as (

    select
        transaction_id,
        through_file_id,
        sum(lines_count) over until_then as lines_count,
        bool_or(lines_have_return) over until_then as lines_have_return,
        sum(lines_amount) over until_then as lines_amount,
        bool_and(amounts_are_read) over until_then as amounts_are_read,
        bool_and(lines_are_valid) over until_then as lines_are_valid,
        lead(through_file_id) over until_then as next_through_file_id
    from delivered
    window until_then as (
        partition by transaction_id
        order by through_file_id
    )

),

whole as (

    select
        so_far.transaction_id,
        cast(so_far.lines_count as bigint) as lines_count,
        so_far.lines_have_return,
        case when so_far.amounts_are_read then so_far.lines_amount end as lines_amount,
        greatest(so_far.through_file_id, headers.through_file_id) as closed_through_file_id
    from so_far
    inner join headers on so_far.transaction_id = headers.transaction_id
    where
        so_far.lines_are_valid
        and coalesce(so_far.next_through_file_id > headers.through_file_id, true)
        {%- if rejects(rules, 'total_amount_mismatch') %}
        and (
            not so_far.amounts_are_read
            or {{ is_at_most('abs(headers.total_amount_read - so_far.lines_amount)', setting('total_tolerance')) }}
        )
        {%- endif %}

),

numbered as (

    select
        *,
        row_number() over (partition by transaction_id order by closed_through_file_id) as place
    from whole

),

final as (

    select
        transaction_id,
        lines_count,
        lines_have_return,
        lines_amount,
        closed_through_file_id
    from numbered
    where place = 1

)

select * from final
