-- What a rule costs: the rows at fault are often worth little, and the transactions that they reject a lot.
with

rejected_records as (

    select * from {{ ref('rejected_records') }}

),

causes as (

    select * from {{ ref('rejected_record_causes') }}
    where source_table = 'store_sales_header'

),

rules as (

    select * from {{ ref('dq_rules') }}
    where not is_cascade

),

dq_summary as (

    select * from {{ ref('dq_summary') }}

),

rejected_transactions as (

    select * from {{ ref('rejected_transactions') }}

),

customers as (

    select * from {{ ref('customer_segments') }}

),

as_of as (

    select * from {{ ref('as_of') }}

),

faults as (

    select
        dq_summary.source_table as root_table,
        dq_summary.rule_id,
        dq_summary.rows_failed as rows_at_fault,
        dq_summary.amount_at_stake as amount_at_fault
    from dq_summary
    inner join rules
        on
            dq_summary.source_table = rules.source_table
            and dq_summary.rule_id = rules.rule_id
    where
        dq_summary.severity = 'error'
        and dq_summary.rows_failed > 0

),

-- rows without a key share one, so a header that is its own root is known by its own rules
headers_and_roots as (

    select
        causes.source_row_number,
        causes.root_table,
        causes.root_is_absent,
        case when causes.steps = 0 then rejected_records.failed_rules else causes.root_rules end as root_rules
    from causes
    inner join rejected_records on causes.rejected_record_id = rejected_records.rejected_record_id

),

-- few combinations of rules are broken together
root_verdicts as (

    select distinct
        root_table,
        root_rules
    from headers_and_roots
    where root_rules is not null

),

rules_of_verdicts as (

    select
        root_verdicts.root_table,
        root_verdicts.root_rules,
        rules.rule_id
    from root_verdicts
    inner join rules
        on
            root_verdicts.root_table = rules.source_table
            and {{ has_label('root_verdicts.root_rules', 'rules.rule_id') }}

),

-- a root that is in no file failed no rule: the rule of the rows that name it says so
rooted as (

    select
        headers_and_roots.source_row_number,
        headers_and_roots.root_table,
        rules_of_verdicts.rule_id
    from headers_and_roots
    inner join rules_of_verdicts
        on
            headers_and_roots.root_table = rules_of_verdicts.root_table
            and headers_and_roots.root_rules = rules_of_verdicts.root_rules
    {%- for table in checked_tables() %}
    union all
    select
        source_row_number,
        root_table,
        '{{ key_of(table)[0] }}_unknown' as rule_id
    from headers_and_roots
    where
        root_is_absent
        and root_table = '{{ table }}'
    {%- endfor %}

),

-- a header that several records of one rule spoil counts once
transactions_of_rules as (

    select
        rooted.root_table,
        rooted.rule_id,
        rejected_transactions.customer_id,
        cast(rejected_transactions.transaction_date as date) as transaction_day,
        rejected_transactions.total_amount
    from (select distinct * from rooted) as rooted
    inner join rejected_transactions on rooted.source_row_number = rejected_transactions.source_row_number

),

-- lines whose header is in no file: nobody knows whose they are
without_header as (

    select
        'store_sales_header' as root_table,
        'transaction_id_unknown' as rule_id,
        count(distinct transaction_id) as transactions_held_back,
        sum(amount_at_stake) as amount_held_back
    from rejected_records
    where
        source_table = 'store_sales_line_items'
        and {{ has_label('failed_rules', "'transaction_id_unknown'") }}
        and not {{ has_label('failed_rules', "'line_item_id_duplicate'") }}
    having count(*) > 0

),

held_back as (

    select
        root_table,
        rule_id,
        count(*) as transactions_held_back,
        sum(total_amount) as amount_held_back
    from transactions_of_rules
    group by root_table, rule_id
    union all
    select * from without_header

),

lowest_high_spender as (

    select min(monetary) as monetary
    from customers
    where is_high_spender

),

customers_of_rules as (

    select
        transactions_of_rules.root_table,
        transactions_of_rules.rule_id,
        transactions_of_rules.customer_id,
        sum(transactions_of_rules.total_amount) as amount,
        max(
            case
                when
                    transactions_of_rules.transaction_day <= as_of.data_cutoff_date
                    and coalesce(transactions_of_rules.total_amount, 1) > 0
                    then transactions_of_rules.transaction_day
            end
        ) as last_purchase_date
    from transactions_of_rules
    cross join as_of
    {%- if setting('as_of_date') %}
    where
        transactions_of_rules.transaction_day is null
        or {{ is_seen('transactions_of_rules.transaction_day') }}
    {%- endif %}
    group by transactions_of_rules.root_table, transactions_of_rules.rule_id, transactions_of_rules.customer_id

),

-- the customers as they are, and as they would be if the rule's transactions counted
compared as (

    select
        customers_of_rules.root_table,
        customers_of_rules.rule_id,
        customers.is_at_risk,
        customers.is_high_spender,
        customers.last_purchase_date,
        customers.typical_days_between_purchases,
        greatest(customers.last_purchase_date, customers_of_rules.last_purchase_date) as new_last_purchase_date,
        coalesce(
            coalesce(customers.monetary, 0) + customers_of_rules.amount >= lowest_high_spender.monetary,
            customers.is_high_spender
        ) as would_be_high_spender
    from customers_of_rules
    inner join customers on customers_of_rules.customer_id = customers.customer_id
    cross join lowest_high_spender

),

counted as (

    select
        compared.root_table,
        compared.rule_id,
        count(*) as customers_held_back,
        count(
            case
                when
                    -- a later purchase ends At-Risk, and begins a Prospect's history
                    compared.is_high_spender <> compared.would_be_high_spender
                    or (compared.last_purchase_date is null and compared.new_last_purchase_date is not null)
                    or (
                        compared.is_at_risk
                        and not {{ is_at_risk(
                            days_between('compared.new_last_purchase_date', 'as_of.as_of_date'), '1',
                            'compared.typical_days_between_purchases'
                        ) }}
                    )
                    then 1
            end
        ) as segments_would_change
    from compared
    cross join as_of
    group by compared.root_table, compared.rule_id

),

found as (

    select
        root_table,
        rule_id
    from faults
    union
    select
        root_table,
        rule_id
    from held_back

),

final as (

    select
        found.root_table,
        found.rule_id,
        coalesce(faults.rows_at_fault, 0) as rows_at_fault,
        cast(faults.amount_at_fault as {{ sql_type('numeric(38, 2)') }}) as amount_at_fault,
        coalesce(held_back.transactions_held_back, 0) as transactions_held_back,
        case when held_back.rule_id is null then 0 else held_back.amount_held_back end as amount_held_back,
        coalesce(counted.customers_held_back, 0) as customers_held_back,
        coalesce(counted.segments_would_change, 0) as segments_would_change
    from found
    left join faults
        on
            found.root_table = faults.root_table
            and found.rule_id = faults.rule_id
    left join held_back
        on
            found.root_table = held_back.root_table
            and found.rule_id = held_back.rule_id
    left join counted
        on
            found.root_table = counted.root_table
            and found.rule_id = counted.rule_id

)

select * from final
