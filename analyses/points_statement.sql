-- One customer's points, entry by entry: dbt show -s points_statement --vars '{customer_id: C000184}'
select
    entry_number,
    entry_type,
    entry_at,
    transaction_id,
    rule_ids,
    points,
    running_balance
from {{ ref('loyalty_ledger') }}
where customer_id = '{{ dbt.escape_single_quotes(var("customer_id", "C000184") | string) }}'
order by entry_number
