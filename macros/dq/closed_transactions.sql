{#- The transactions whose lines came in several deliveries and were whole by one of them: every line until then sound, and
    their sum what the header says. With the figures of the lines until then.

    whole     CTE: the figures of all lines of a transaction
    lines     CTE: the lines that hold their keys
    headers   CTE: the headers, read
    repeated  CTE: the headers whose key stands more than once -#}
{% macro closed_transactions(whole, lines, headers, repeated) %}
    select distinct on (parts.transaction_id)
        parts.transaction_id,
        parts.lines_count,
        parts.lines_have_return,
        case when parts.amounts_are_read then parts.lines_amount end as lines_amount,
        greatest(parts.batch_id, header_files.batch_id) as closed_in_batch
    from (
        select
            transaction_id,
            batch_id,
            sum(lines_count) over so_far as lines_count,
            bool_or(lines_have_return) over so_far as lines_have_return,
            sum(lines_amount) over so_far as lines_amount,
            bool_and(amounts_are_read) over so_far as amounts_are_read,
            bool_and(lines_are_valid) over so_far as lines_are_valid,
            lead(batch_id) over so_far as next_batch_id
        from (
            select
                lines.transaction_id,
                files.batch_id,
                count(*) as lines_count,
                bool_or(lines.quantity < 0) as lines_have_return,
                sum(lines.amount_at_stake) as lines_amount,
                bool_and(lines.amount_at_stake is not null) as amounts_are_read,
                bool_and(lines.is_valid) as lines_are_valid
            from {{ lines }} as lines
            inner join {{ source('landing', 'loaded_files') }} as files on lines.file_id = files.file_id
            where lines.transaction_id in (select transaction_id from {{ whole }} where came_in_parts)
            group by lines.transaction_id, files.batch_id
        ) as deliveries
        window so_far as (partition by transaction_id order by batch_id)
    ) as parts
    inner join {{ headers }} as headers on parts.transaction_id = headers.transaction_id
    inner join {{ source('landing', 'loaded_files') }} as header_files on headers.file_id = header_files.file_id
    left join {{ repeated }} as repeated on headers.source_row_number = repeated.source_row_number
    where
        not coalesce(repeated.key_is_taken, false)
        and parts.lines_are_valid
        and coalesce(parts.next_batch_id > header_files.batch_id, true)
        {%- if rejects('store_sales_header', 'total_amount_mismatch') %}
        and (
            not parts.amounts_are_read
            or {{ is_at_most('abs(headers.total_amount_read - parts.lines_amount)', var('total_tolerance')) }}
        )
        {%- endif %}
    order by parts.transaction_id, closed_in_batch
{% endmacro %}
