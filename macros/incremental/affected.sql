{#- A relation that may be given a name: `dbt run --empty` puts a named subquery in the place of every relation. -#}
{% macro nameable(relation) %}
    {{- return('(select * from ' ~ relation ~ ')' if flags.EMPTY else relation) -}}
{% endmacro %}

{#- The rows of a relation that belong to affected transactions; all of them where everything is built anew. Rows without a
    transaction_id are affected together.

    always  SQL: which of those are always affected -#}
{% macro affected_rows(relation, always=none) %}
    {%- if not amends() -%}{{- return(nameable(relation)) -}}{%- endif -%}
    {%- set sql -%}
        (
            select unaffected.*
            from {{ relation }} as unaffected
            inner join {{ ref('affected_transactions') }} as affected on {{ is_same_transaction('unaffected', 'affected') }}
            union all
            select unaffected.*
            from {{ relation }} as unaffected
            where
                {{ has_no_transaction('unaffected') }}
                and (
                    {%- if always %}
                    {{ always }} or
                    {%- endif %}
                    exists (select from {{ ref('affected_transactions') }} where transaction_id is null)
                )
        )
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{#- Whether two rows are of one transaction. An index knows the hash, because a transaction_id may be too long for one. -#}
{% macro is_same_transaction(one, other) %}
    {%- set one = one ~ '.transaction_id' -%}
    {%- set other = other ~ '.transaction_id' -%}
    {{- return(key_hash([one]) ~ ' = ' ~ key_hash([other]) ~ ' and ' ~ one ~ ' = ' ~ other) -}}
{% endmacro %}

{#- Whether a row is of no transaction, by the same index. -#}
{% macro has_no_transaction(relation) %}
    {{- return(key_hash([relation ~ '.transaction_id']) ~ ' is null') -}}
{% endmacro %}

{#- The valid rows of a table, typed, as the view stg_<table> shows them; of affected transactions alone where a build
    amends. -#}
{% macro valid_rows(table) %}
    {%- if not amends() -%}{{- return(nameable(ref('stg_' ~ table))) -}}{%- endif -%}
    {%- set sql -%}
        (
            select {{ typed_columns(columns_of(table)) }}
            from {{ affected_rows(ref('checked_' ~ table)) }} as checked
            where is_valid
        )
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}

{#- Of rejected_records, or of what quarantine_history remembers of them, the rows that this build may see otherwise than
    the last one: those of affected transactions, and all of master data and of lines that are no rows, which are few. -#}
{% macro affected_rejects(relation) %}
    {{- return(affected_rows(
        relation, "unaffected.source_table not like 'store_sales_%' or unaffected.source_row_number is null"
    )) -}}
{% endmacro %}

{#- The rows of a relation that belong to affected customers; all of them where everything is built anew. -#}
{% macro rows_of_affected_customers(relation) %}
    {%- if not amends() -%}{{- return(nameable(relation)) -}}{%- endif -%}
    {{- return(
        '(select * from ' ~ relation ~ ' where customer_id in (select customer_id from ' ~ ref('affected_customers') ~ '))'
    ) -}}
{% endmacro %}

{#- The valid transactions, of affected customers alone where a build amends: those that this build judged, and the others
    as they were published. -#}
{% macro transactions_of_customers() %}
    {%- if not amends() -%}{{- return(nameable(ref('stg_store_sales_header'))) -}}{%- endif -%}
    {%- set names = store_sales_header_columns() | map(attribute='name') | join(', ') -%}
    {%- set sql -%}
        (
            select {{ names }}
            from {{ rows_of_affected_customers(source('last_marts', 'store_sales_header')) }} as published
            where not exists (
                select from {{ ref('affected_transactions') }} as affected
                where published.transaction_id = affected.transaction_id
            )
            union all
            select {{ names }}
            from {{ valid_rows('store_sales_header') }} as valid_rows
            where customer_id in (select customer_id from {{ ref('affected_customers') }})
        )
    {%- endset -%}
    {{- return(sql) -}}
{% endmacro %}
