{{ config(
    indexes=[{'columns': ['customer_id']}],
    post_hook="{{ remember_build(this) }}",
    meta={'amends': true}
) }}
-- The ledger is compared with this memory, never with the ledger before it: a full rebuild or a dropped ledger loses no
-- published value.
{%- set ledger, affected = ref('loyalty_ledger'), affected_customers() %}
{%- set figures = ['entry_at', 'rule_ids', 'points', 'uncollected_points'] %}
{%- set moved = build_plan().as_of_moved if amends() %}

with

as_of as (

    select * from {{ ref('as_of') }}

),

{% if amends() -%}
affected as (

    select
        customer_id,
        case when keep_through >= 0 then since end as since
    from {{ affected }}
    {%- if moved %}
    -- who had an entry between the two as-of dates may have lost it while it was out of sight
    union all
    select
        customer_id,
        cast(null as {{ sql_type('timestamp') }}) as since
    from {{ this }}
    where
        cast(entry_at as date) > {{ date_literal(moved.first) }}
        and cast(entry_at as date) <= {{ date_literal(moved.last) }}
    {%- endif %}

),

compared_from as (

    select
        customer_id,
        case when count(*) = count(since) then min(since) end as since
    from affected
    group by customer_id

),

ledger as (

    select entries.*
    from {{ ledger }} as entries
    inner join compared_from on entries.customer_id = compared_from.customer_id
    where
        compared_from.since is null
        or entries.entry_at >= compared_from.since

),

remembered as (

    select entries.*
    from {{ this }} as entries
    inner join compared_from on entries.customer_id = compared_from.customer_id
    where
        entries.raw_layer = '{{ setting('raw_layer') }}'
        and (
            compared_from.since is null
            or entries.entry_at >= compared_from.since
        )

),

{% else -%}
ledger as (

    select * from {{ ledger }}

),

remembered as (
    {% if is_incremental() %}
    select * from {{ this }}
    where raw_layer = '{{ setting('raw_layer') }}'
    {% else %}
    -- nothing yet: columns only
    select
        *,
        0 as version_number,
        cast(null as {{ sql_type('text') }}) as change
    from ledger
    where false
    {% endif %}
),

{% endif -%}
-- few entries have more than one version
changed_before as (

    select
        ledger_entry_id,
        max(version_number) as version_number
    from remembered
    where version_number > 1
    group by ledger_entry_id

),

published as (

    select remembered.*
    from remembered
    left join changed_before on remembered.ledger_entry_id = changed_before.ledger_entry_id
    where remembered.version_number = coalesce(changed_before.version_number, 1)

),

-- an expiry that a build foresaw has not happened
latest_published as (

    select
        published.customer_id,
        max(published.entry_at) as entry_at
    from published
    cross join as_of
    where
        published.change <> 'removed'
        and cast(published.entry_at as date) <= as_of.data_cutoff_date
    group by published.customer_id

),

compared as (

    select
        coalesce(ledger.ledger_entry_id, published.ledger_entry_id) as ledger_entry_id,
        coalesce(published.version_number, 0) + 1 as version_number,
        {%- for column in ['customer_id', 'entry_type', 'transaction_id', 'redemption_id', 'answers_to_entry_id'] %}
        coalesce(ledger.{{ column }}, published.{{ column }}) as {{ column }},
        {%- endfor %}
        {%- for figure in figures %}
        ledger.{{ figure }},
        published.{{ figure }} as {{ figure }}_before,
        {%- endfor %}
        published.change as change_before,
        ledger.ledger_entry_id is not null as is_there,
        published.ledger_entry_id is not null as was_published
    from ledger
    full outer join published on ledger.ledger_entry_id = published.ledger_entry_id

),

changes as (

    select
        compared.*,
        case
            when not compared.was_published and compared.entry_at < latest_published.entry_at then 'inserted'
            when not compared.was_published then 'published'
            when not compared.is_there then 'removed'
            when compared.change_before = 'removed' then 'restored'
            when compared.points <> compared.points_before then 'repriced'
            else 'revised'
        end as change
    from compared
    cross join as_of
    left join latest_published on compared.customer_id = latest_published.customer_id
    where
        not compared.was_published
        -- what a build with an earlier as-of date can't see has not gone
        or (
            not compared.is_there
            and compared.change_before <> 'removed'
            and {{ entry_is_seen('compared.entry_type', 'compared.entry_at_before') }}
        )
        or (
            compared.is_there
            and (
                compared.change_before = 'removed'
                {%- for figure in figures %}
                or compared.{{ figure }} is distinct from compared.{{ figure }}_before
                {%- endfor %}
            )
        )

),

final as (

    select
        '{{ setting('raw_layer') }}' as raw_layer,
        ledger_entry_id,
        version_number,
        change,
        customer_id,
        entry_type,
        transaction_id,
        redemption_id,
        answers_to_entry_id,
        coalesce(entry_at, entry_at_before) as entry_at,
        rule_ids,
        points,
        uncollected_points,
        cast('{{ run_started_at }}' as {{ sql_type('timestamp with time zone') }}) as built_at,
        '{{ invocation_id }}' as invocation_id
    from changes
    where {{ remembers() }}

)

select * from final
