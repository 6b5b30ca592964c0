{#- Whether this run builds on an engine that can amend tables, from what `retail load` brought. With --defer it reads the tables
    of another schema, about which this one remembers nothing; with --empty it reads no rows. -#}
{% macro is_amending_run() %}
    {{- return(
        lands() and execute and flags.WHICH in ['run', 'build'] and can_amend() and not flags.EMPTY
        and not invocation_args_dict.get('defer')
    ) -}}
{% endmacro %}

{#- The models that a build amends, by name. -#}
{% macro amended_models() %}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() | sort(attribute='name') -%}
        {%- if node.resource_type == 'model' and (
            node.config.materialized == 'amended_table' or node.config.get('meta', {}).get('amends')
        ) -%}
            {%- do found.append(node) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}

{#- What verdicts and figures depend on beside the rows: rules, vars, models, reference seeds. If it changes, everything is
    rebuilt. The cut-off date moves with the days and has a check of its own; a seed with `rebuilds: false` in its meta feeds no
    amended table. -#}
{% macro build_fingerprint() %}
    {%- set parts = [] -%}
    {%- for table in checked_tables() -%}
        {%- do parts.append(tojson(columns_of(table)) ~ tojson(rules_of(table))) -%}
    {%- endfor -%}
    {%- for node in amended_models() -%}{%- do parts.append(node.name ~ node.raw_code) -%}{%- endfor -%}
    {%- for node in graph.nodes.values() | sort(attribute='name') if node.resource_type == 'seed'
        and node.config.get('meta', {}).get('rebuilds', true) -%}
        {%- do parts.append(node.name ~ node.checksum.checksum) -%}
    {%- endfor -%}
    {%- do parts.append(tojson([
        setting('loyalty_rule_policy'), setting('loyalty_rules_apply'), setting('total_tolerance'),
        setting('points_expire_after_months'), setting('opening_points_earned_on') | string, setting('clawback_opening_points'),
        setting('tier_basis')
    ])) -%}
    {{- return(local_md5((parts | join('\n')) | replace(data_cutoff_date(), '<cutoff>'))) -}}
{% endmacro %}

{#- The relation of the model build_plan, for models that come after one that refers to it. -#}
{% macro build_plan_relation() %}
    {{- return(api.Relation.create(
        database=target.database | default(none), schema=target.schema ~ '_staging', identifier='build_plan'
    )) -}}
{% endmacro %}

{#- How this run builds, as the model build_plan found it. It is read once and kept in dbt's graph for the rest of the run,
    because each model asks several times:

    is_full    whether everything is rebuilt
    through    model: the last file that its table holds
    first_row  model: the number of the first raw row that its table does not hold; none where it holds all
    resumes    whether an earlier build was not finished, so that what it listed as affected is still to be done
    as_of_moved  the as-of dates of the two builds, the earlier one first; none where they are the same
    seen       through which file and which raw row each checked table reads; `dbt test` knows it of the last build -#}
{% macro build_plan() %}
    {%- set known = graph.get('build_plan', {}) if execute -%}
    {%- if known and known.invocation_id == invocation_id -%}{{- return(known.plan) -}}{%- endif -%}
    {%- set plan = {'is_full': true, 'through': {}, 'first_row': {}, 'resumes': false, 'as_of_moved': none} -%}
    {%- set is_test = lands() and execute and can_amend() and flags.WHICH == 'test' and load_relation(build_plan_relation()) -%}
    {%- if is_amending_run() or is_test -%}
        {%- do require_loaded(source('landing', 'loaded_files')) -%}
        {%- for row in run_query('select * from ' ~ build_plan_relation()).rows -%}
            {%- do plan.update({'is_full': row['full_because'] is not none, 'resumes': row['resumes']}) -%}
            {%- if row['seen_always_through'] != row['seen_once_through'] -%}
                {%- do plan.update({
                    'as_of_moved': {'first': row['seen_always_through'], 'last': row['seen_once_through']}
                }) -%}
            {%- endif -%}
            {%- if loop.first -%}{%- do plan.update({'seen': {'file': row['new_through_file_id'], 'rows': {}}}) -%}{%- endif -%}
            {%- do plan.seen.rows.update({row['model_name']: row['last_row']}) -%}
            {%- do plan.through.update({row['model_name']: row['through_file_id']}) -%}
            {%- do plan.first_row.update({row['model_name']: row['first_new_row']}) -%}
        {%- endfor -%}
        {%- do graph.update({'build_plan': {'invocation_id': invocation_id, 'plan': plan}}) -%}
    {%- endif -%}
    {{- return(plan) -}}
{% endmacro %}

{#- Whether this model amends what the last build left; else it is rebuilt. Its meta may name what else rebuilds it:
    follows_loyalty_rules, follows_repairs. -#}
{% macro amends() %}
    {%- set meta = model.config.get('meta', {}) -%}
    {%- set rule_versions = ref('int_loyalty_rule_versions') if lands() and can_amend() and meta.get('follows_loyalty_rules') -%}
    {%- if not is_amending_run() or (flags.FULL_REFRESH and not meta.get('amends')) -%}
        {{- return(false) -}}
    {%- endif -%}
    {%- set plan = build_plan() -%}
    {{- return(not (
        plan.is_full
        or (rule_versions and points_change(rule_versions, plan.through.get(model.name, 0)))
        or (meta.get('follows_repairs') and facts_repaired(plan.through.get(model.name, 0)))
    )) -}}
{% endmacro %}

{#- Whether a steward repaired facts after this file was loaded: an amount that was clean may be gone. -#}
{% macro facts_repaired(file_id) %}
    {%- set found = run_query(
        'select 1 from ' ~ source('landing', 'repairs') ~ ' where file_id > ' ~ file_id ~ ' limit 1'
    ) -%}
    {{- return(found.rows | length > 0) -}}
{% endmacro %}

{#- Whether rules that were delivered after this file change points that were credited before: with `loyalty_rules_apply: latest`
    any change does; else only the first rules of all, for which the transactions have waited. -#}
{% macro points_change(rule_versions, file_id) %}
    {%- set moment = 'max(valid_from_batch), max(valid_through_batch + 1)' if setting('loyalty_rules_apply') == 'latest'
        else 'min(valid_from_batch)' -%}
    {%- set changed = run_query('select ' ~ moment ~ ' from ' ~ rule_versions).rows[0].values() | select | list -%}
    {%- set built = run_query(
        'select max(batch_id) from ' ~ source('landing', 'loaded_files') ~ ' where file_id <= ' ~ file_id
    ).columns[0].values()[0] -%}
    {{- return((changed | max) > (built or 0) if changed else false) -}}
{% endmacro %}

{#- The number of the first raw row of a table in files after this one; none where there is no such row. -#}
{% macro first_row_after(table, file_id) %}
    {%- set found = run_query(
        'select min(first_row_number) from ' ~ source('landing', 'loaded_files')
        ~ " where first_row_number > 0 and source_table = '" ~ table ~ "' and file_id > " ~ file_id
    ) -%}
    {{- return(found.columns[0].values()[0]) -}}
{% endmacro %}
