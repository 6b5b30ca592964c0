{%- if lands() and can_amend() -%}{%- do ref('build_plan') -%}{%- endif -%}
{%- set applies_latest = setting('loyalty_rules_apply') == 'latest' %}
with

files as (

    select distinct
        file_id,
        batch_id
    from ({{ input_files() }}) as input_files

),

versions as (

    select * from {{ ref('int_loyalty_rule_versions') }}

),

-- the deliveries that changed the rules
rule_sets as (

    select valid_from_batch as rules_from_batch
    from versions
    union
    select valid_through_batch + 1 as rules_from_batch
    from versions
    where valid_through_batch is not null

),

-- what was delivered before there were rules waits for the first ones
first_rules as (

    select min(rules_from_batch) as rules_from_batch
    from rule_sets

),

in_force as (

    select
        files.file_id,
        max(rule_sets.rules_from_batch) as rules_from_batch
    from files
    left join rule_sets on {{ 'true' if applies_latest else 'files.batch_id >= rule_sets.rules_from_batch' }}
    group by files.file_id

),

final as (

    select
        in_force.file_id,
        coalesce(in_force.rules_from_batch, first_rules.rules_from_batch, 0) as rules_from_batch
    from in_force
    cross join first_rules

)

select * from final
