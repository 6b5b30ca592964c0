{{ config(meta={'amends': true, 'analyze': true}) }}
-- Which transactions this build judges again; empty where it judges all of them. Everything that a transaction's verdict
-- depends on is looked at: its rows, the parents it waits for, what its parents say, the cut-off date.
{%- set plan_model = ref('build_plan') %}
{%- set plan = build_plan() %}
{%- set through = plan.through.get('affected_transactions', 0) %}
{%- set checked_parents = {
    'customer_details': ref('checked_customer_details'),
    'stores': ref('checked_stores'),
    'products': ref('checked_products'),
    'promotion_details': ref('checked_promotion_details'),
} %}
{%- set parents = [
    ('store_sales_header', 'customer_id', 'customer_details'),
    ('store_sales_header', 'store_id', 'stores'),
    ('store_sales_line_items', 'product_id', 'products'),
    ('store_sales_line_items', 'promotion_id', 'promotion_details'),
] %}
{%- set looked_at = [
    ('stores', 'store_id', ['opening_date'], 'store_sales_header', 'store_id'),
    ('products', 'product_id', ['product_category'], 'store_sales_line_items', 'product_id'),
    (
        'promotion_details', 'promotion_id', ['start_date', 'end_date', 'applicable_category'],
        'store_sales_line_items', 'promotion_id'
    ),
] %}
{% if plan.is_full %}
select cast(null as {{ sql_type('text') }}) as transaction_id
where false
{% else %}
with

repairs as (

    select * from {{ source('landing', 'repairs') }}
    where
        file_id > {{ through }}
        and source_table in ('{{ sales_tables() | join("', '") }}')

),

rejected_records as (

    select * from {{ source('last_build', 'rejected_records') }}

),

delivered as (
    {% for table in sales_tables() %}
    select {{ read_text('transaction_id') }} as transaction_id
    from {{ raw_table(table) }}
    where source_row_number >= {{ first_row_after(table, through) or '9223372036854775807' }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

repaired as (

    select {{ read_text(json_text('cells_before', 'transaction_id')) }} as transaction_id
    from repairs
    union all
    select {{ read_text(json_text('cells_after', 'transaction_id')) }} as transaction_id
    from repairs
    where cells_after is not null

),
{% for table, column, parent in parents %}
{%- set first_row = first_row_after(parent, through) %}
waiting_for_{{ parent }} as (
    {% if first_row %}
    select waiting.transaction_id
    from rejected_records
    inner join {{ source('last_build', 'checked_' ~ table) }} as waiting
        on {{ is_same_transaction('rejected_records', 'waiting') }}
    where
        rejected_records.source_table = '{{ table }}'
        and (
            {{ has_label('rejected_records.failed_rules', "'" ~ column ~ "_unknown'") }}
            or {{ has_label('rejected_records.failed_rules', "'" ~ column ~ "_parent_rejected'") }}
        )
        and waiting.{{ column }} in (
            select {{ read_text(key_of(parent)[0]) }} from {{ raw_table(parent) }}
            where source_row_number >= {{ first_row }}
        )
    {% else %}
    select cast(null as {{ sql_type('text') }}) as transaction_id
    where false
    {% endif %}
),
{% endfor %}
{%- for parent, key, columns, table, column in looked_at %}
changed_{{ parent }} as (

    select now.{{ key }}
    from {{ checked_parents[parent] }} as now
    inner join {{ source('last_marts', parent) }} as published on now.{{ key }} = published.{{ key }}
    where
        now.is_valid
        and (now.{{ columns | join(', now.') }}) is distinct from (published.{{ columns | join(', published.') }})

),

sold_with_changed_{{ parent }} as (

    select sold.transaction_id
    from {{ source('last_marts', table) }} as sold
    where sold.{{ column }} in (select {{ key }} from changed_{{ parent }})

),
{% endfor %}
-- a redemption has the causes of the rejected transaction that it names
named_by_redemptions as (

    select waiting.transaction_id
    from (
        select distinct {{ read_text('transaction_id') }} as transaction_id
        from {{ raw_table('loyalty_redemptions') }}
    ) as redemptions
    inner join {{ source('last_build', 'checked_store_sales_header') }} as waiting
        on {{ is_same_transaction('redemptions', 'waiting') }}
    where not waiting.is_valid

),

no_longer_in_future as (

    select transaction_id
    from rejected_records
    where
        {{ has_label('failed_rules', "'transaction_date_in_future'") }}
        and exists (
            select 1 from {{ plan_model }}
            where cutoff_before < data_cutoff_date
        )

),

affected as (

    select transaction_id from delivered
    union
    select transaction_id from repaired
    {%- for table, column, parent in parents %}
    union
    select transaction_id from waiting_for_{{ parent }}
    {%- endfor %}
    {%- for parent, key, columns, table, column in looked_at %}
    union
    select transaction_id from sold_with_changed_{{ parent }}
    {%- endfor %}
    union
    select transaction_id from named_by_redemptions
    union
    select transaction_id from no_longer_in_future
    {%- if plan.resumes %}
    -- what an unfinished build listed
    union
    select transaction_id from {{ this }}
    {%- endif %}

)

select transaction_id from affected
{% endif %}
