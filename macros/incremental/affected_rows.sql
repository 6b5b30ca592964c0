{#- The rows that an amending build looks at. Which transactions and customers are affected is decided in
    models/incremental/affected_transactions.sql and affected_customers.sql; here their rows are selected. -#}

{#- The model that lists the transactions to judge again. Who reads it through here has an edge to it in the DAG, also in a run
    that builds everything. None where no build amends. -#}
{% macro affected_transactions() %}
    {{- return(ref('affected_transactions') if lands() and can_amend()) -}}
{% endmacro %}

{#- The same for the customers whose ledger is amended. -#}
{% macro affected_customers() %}
    {{- return(ref('affected_customers') if lands() and can_amend()) -}}
{% endmacro %}

{#- SQL that selects the rows of a relation that belong to affected transactions; all rows in a full build. Rows without a
    transaction_id are affected together.

    always  SQL: which of those are always affected -#}
{% macro affected_rows(relation, always=none) %}
    {%- set affected = affected_transactions() -%}
    {%- if not amends() %}
    select * from {{ relation }}
    {%- else %}
    select unaffected.*
    from {{ relation }} as unaffected
    inner join {{ affected }} as affected on {{ is_same_transaction('unaffected', 'affected') }}
    union all
    select unaffected.*
    from {{ relation }} as unaffected
    where
        {{ has_no_transaction('unaffected') }}
        and (
            {%- if always %}
            {{ always }} or
            {%- endif %}
            exists (select 1 from {{ affected }} where transaction_id is null)
        )
    {%- endif %}
{% endmacro %}

{#- Whether two rows are of one transaction. The index is on the hash, because a transaction_id may be too long for an index. -#}
{% macro is_same_transaction(one, other) %}
    {%- set one = one ~ '.transaction_id' -%}
    {%- set other = other ~ '.transaction_id' -%}
    {{- return(key_hash([one]) ~ ' = ' ~ key_hash([other]) ~ ' and ' ~ one ~ ' = ' ~ other) -}}
{% endmacro %}

{#- Whether a row belongs to no transaction, by the same index. -#}
{% macro has_no_transaction(relation) %}
    {{- return(key_hash([relation ~ '.transaction_id']) ~ ' is null') -}}
{% endmacro %}

{#- SQL that selects the valid rows of a table, typed, as stg_<table> shows them; only those of affected transactions where the
    build amends. -#}
{% macro valid_rows(table, columns) %}
    {%- set stg, checked = ref('stg_' ~ table), ref('checked_' ~ table) if lands() -%}
    {%- set affected = affected_transactions() -%}
    {%- if not amends() %}
    select * from {{ stg }}
    {%- else %}
    select
        {{ typed_columns(columns) }}
    from ({{ affected_rows(checked) }}) as checked
    where is_valid
    {%- endif %}
{% endmacro %}

{#- SQL that selects the rows of rejected_records, or of its history, that this build may change: those of affected
    transactions, and all master data and unreadable lines, which are few. -#}
{% macro affected_rejects(relation) %}
    {{- return(affected_rows(
        relation, "unaffected.source_table not like 'store_sales_%' or unaffected.source_row_number is null"
    )) -}}
{% endmacro %}

{#- SQL that selects the rows of a relation that belong to affected customers; all rows in a full build. -#}
{% macro rows_of_affected_customers(relation) %}
    {%- set affected = affected_customers() %}
    select * from {{ relation }}
    {%- if amends() %}
    where customer_id in (select customer_id from {{ affected }})
    {%- endif %}
{% endmacro %}

{#- SQL that selects the valid transactions up to the as-of date; only those of affected customers where the build amends: those
    that this build judged, and the others as they were published.

    with_rules  whether to add rules_from_batch, the delivery by whose loyalty rules each of them earns -#}
{% macro transactions_of_customers(with_rules=false) %}
    {%- set columns = store_sales_header_columns() -%}
    {%- set names = columns | map(attribute='name') | list -%}
    {%- set affected = affected_customers() -%}
    {%- set judged_now = valid_rows('store_sales_header', columns) -%}
    {%- set rules_of_files = ref('int_files_loyalty_rules') if with_rules -%}
    {%- set seen %}
    {%- if not amends() %}
    select * from ({{ judged_now }}) as valid
    where {{ is_seen('transaction_date') }}
    {%- else %}
    select {{ names | join(', ') }}
    from ({{ rows_of_affected_customers(source('last_marts', 'store_sales_header')) }}) as published
    where
        {{ is_seen('transaction_date') }}
        and not exists (
            select 1 from {{ affected_transactions() }} as affected
            where published.transaction_id = affected.transaction_id
        )
    union all
    select {{ names | join(', ') }}
    from ({{ judged_now }}) as judged_now
    where
        {{ is_seen('transaction_date') }}
        and customer_id in (select customer_id from {{ affected }})
    {%- endif %}
    {%- endset %}
    {%- if not with_rules %}
    {{- seen }}
    {%- else %}
    select
        {{ prefixed('seen.', names) | join(', ') }},
        rules_of_files.rules_from_batch
    from ({{ seen }}) as seen
    {%- if amends() %}
    inner join (select * from {{ ref('checked_store_sales_header') }}) as checked_headers
        on {{ is_same_transaction('seen', 'checked_headers') }} and checked_headers.is_valid
    inner join (select * from {{ rules_of_files }}) as rules_of_files on checked_headers.file_id = rules_of_files.file_id
    {%- else %}
    inner join (select * from {{ rules_of_files }}) as rules_of_files on seen.file_id = rules_of_files.file_id
    {%- endif %}
    {%- endif %}
{% endmacro %}

{#- SQL that selects the valid lines of some transactions: those that this build judged, and the others as they were published.

    transactions  a CTE with the transactions of transactions_of_customers -#}
{% macro line_items_of(transactions) %}
    {%- set columns = store_sales_line_items_columns() -%}
    {%- set affected = affected_transactions() -%}
    {%- set judged_now = valid_rows('store_sales_line_items', columns) -%}
    {%- if not amends() %}
    select * from ({{ judged_now }}) as valid
    where transaction_id in (select transaction_id from {{ transactions }})
    {%- else %}
    {%- set names = columns | map(attribute='name') | join(', ') %}
    select {{ names }}
    from {{ source('last_marts', 'store_sales_line_items') }} as published
    where
        transaction_id in (select transaction_id from {{ transactions }})
        and not exists (
            select 1 from {{ affected }} as affected
            where published.transaction_id = affected.transaction_id
        )
    union all
    select {{ names }}
    from ({{ judged_now }}) as judged_now
    where transaction_id in (select transaction_id from {{ transactions }})
    {%- endif %}
{% endmacro %}

{#- SQL that selects the transactions that an earlier delivery completed: none in the seeds, which are one delivery. -#}
{% macro completed_transactions() %}
    {%- if lands() %}
    select * from {{ ref('int_transactions_completed') }}
    {%- else %}
    select
        cast(null as {{ sql_type('text') }}) as transaction_id,
        cast(null as bigint) as lines_count,
        cast(null as boolean) as lines_have_return,
        cast(null as {{ sql_type('numeric') }}) as lines_amount,
        cast(null as integer) as closed_through_file_id
    where false
    {%- endif %}
{% endmacro %}
