-- What to repair first: the rules that rows failed, by the money that hangs on them
select
    source_table,
    rule_id,
    rows_failed,
    share_failed,
    amount_at_stake,
    message
from {{ ref('dq_summary') }}
where severity = 'error' and rows_failed > 0
order by amount_at_stake desc nulls last, rows_failed desc, source_table, rule_id
