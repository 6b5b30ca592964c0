-- A work table of its own, so that the planner knows how large it is and lets parallel workers join it to the headers.
{{ config(meta={'unlogged': true, 'analyze': true}) }}

with

-- copies and other statements of a line don't count; lines without a transaction_id form no transaction
line_items as (

    select * from {{ ref('int_line_items_validated') }}
    where
        transaction_id is not null
        and not key_is_taken

),

rejected_line_items as (

    select * from {{ ref('int_line_items_validated') }}
    where
        transaction_id is not null
        and not key_is_taken
        and not is_valid

),

-- a sum with an unreadable amount is unknown
figures as (

    select
        transaction_id,
        count(*) as lines_count,
        {{ 'bool_or(quantity < 0)' if setting('accept_returns') else 'false' }} as lines_have_return,
        case when count(*) = count(amount_at_stake) then sum(amount_at_stake) end as lines_amount,
        min(file_id) <> max(file_id) as came_in_parts
    from line_items
    group by transaction_id

),

faults as (

    select
        transaction_id,
        {{ join_texts("'store_sales_line_items:' || record_key") }} as lines_at_fault
    from rejected_line_items
    group by transaction_id

),

final as (

    select
        figures.transaction_id,
        figures.lines_count,
        figures.lines_have_return,
        figures.lines_amount,
        figures.came_in_parts,
        faults.lines_at_fault
    from figures
    left join faults on figures.transaction_id = faults.transaction_id

)

select * from final
