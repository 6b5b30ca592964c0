{#- Whether rows come from `retail load`, delivery by delivery, so that a build only has to amend what the last one left. -#}
{% macro lands() %}{{ return(var('raw_layer') == 'landing') }}{% endmacro %}

{#- Whether this run builds, from what `retail load` brought, on an engine that can amend tables. -#}
{% macro is_amending_run() %}
    {{- return(lands() and execute and flags.WHICH in ['run', 'build'] and can_amend()) -}}
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

{#- What verdicts and figures rest on beside the rows: the rules, the vars, the models. Where it changes, nothing of the
    last build can be kept. The cut-off date moves with the days and is looked after by itself. -#}
{% macro build_fingerprint() %}
    {%- set parts = [] -%}
    {%- for table in checked_tables() -%}
        {%- do parts.append(tojson(columns_of(table)) ~ tojson(rules_of(table))) -%}
    {%- endfor -%}
    {%- for node in amended_models() -%}{%- do parts.append(node.name ~ node.raw_code) -%}{%- endfor -%}
    {%- for node in graph.nodes.values() | sort(attribute='name') if node.resource_type == 'seed' -%}
        {%- do parts.append(node.name ~ node.checksum.checksum) -%}
    {%- endfor -%}
    {%- do parts.append(tojson([loyalty_rule_policy(), var('total_tolerance')])) -%}
    {{- return(local_md5((parts | join('\n')) | replace(data_cutoff_date(), '<cutoff>'))) -}}
{% endmacro %}

{#- The relation of the model build_plan, for those that come after a model that refers to it. -#}
{% macro build_plan() %}
    {{- return(api.Relation.create(
        database=target.database | default(none), schema=target.schema ~ '_staging', identifier='build_plan'
    )) -}}
{% endmacro %}

{#- How this run builds, as the model build_plan found it:

    is_full    everything is built anew
    through    model: the last file that its tables hold
    first_row  model: the number of the first raw row that its tables do not hold; none where they hold all
    resumes    an earlier build was not finished, so what it listed as affected is still to be done -#}
{% macro plan() %}
    {%- if not is_amending_run() -%}
        {{- return({'is_full': true, 'through': {}, 'first_row': {}, 'resumes': false}) -}}
    {%- endif -%}
    {%- set plan = {'is_full': false, 'through': {}, 'first_row': {}, 'resumes': false} -%}
    {%- do require_loaded(source('landing', 'loaded_files')) -%}
    {%- for row in run_query('select * from ' ~ build_plan()).rows -%}
        {%- do plan.update({'is_full': row['full_because'] is not none, 'resumes': row['resumes']}) -%}
        {%- do plan.through.update({row['model_name']: row['through_file_id']}) -%}
        {%- do plan.first_row.update({row['model_name']: row['first_new_row']}) -%}
    {%- endfor -%}
    {{- return(plan) -}}
{% endmacro %}

{#- Whether this model amends what it built last; else it is built anew. -#}
{% macro amends() %}
    {%- if not is_amending_run() or plan().is_full -%}
        {{- return(false) -}}
    {%- endif -%}
    {%- if flags.FULL_REFRESH and not model.config.get('meta', {}).get('amends') -%}
        {{- return(false) -}}
    {%- endif -%}
    {%- set meta = model.config.get('meta', {}) -%}
    {{- return(not (
        (meta.get('follows_loyalty_rules') and loyalty_rules_changed())
        or (meta.get('follows_repairs') and facts_repaired())
    )) -}}
{% endmacro %}

{#- Whether a steward repaired facts since this model was built: an amount that was clean may be gone. -#}
{% macro facts_repaired() %}
    {%- set through = plan().through.get(model.name, 0) -%}
    {%- set found = run_query(
        'select 1 from ' ~ source('landing', 'repairs') ~ ' where file_id > ' ~ through ~ ' limit 1'
    ) -%}
    {{- return(found.rows | length > 0) -}}
{% endmacro %}

{#- Whether a loyalty rule has other content than when this model was built: then every point is counted anew. -#}
{% macro loyalty_rules_changed() %}
    {%- set through = plan().through.get(model.name, 0) -%}
    {%- set changed = run_query(
        'select 1 from ' ~ ref('checked_loyalty_rules') ~ ' where is_valid and file_id > ' ~ through ~ ' limit 1'
    ) -%}
    {{- return(changed.rows | length > 0) -}}
{% endmacro %}

{#- Whether the verdicts on transactions are amended: the plan's answer, whatever becomes of the model that asks. -#}
{% macro amends_transactions() %}
    {{- return(is_amending_run() and not plan().is_full) -}}
{% endmacro %}

{#- The number of the first raw row of a table in files after this one; none where there is no such row. -#}
{% macro first_row_after(table, file_id) %}
    {%- set found = run_query(
        'select min(first_row_number) from ' ~ source('landing', 'loaded_files')
        ~ " where first_row_number > 0 and source_table = '" ~ table ~ "' and file_id > " ~ file_id
    ) -%}
    {{- return(found.columns[0].values()[0]) -}}
{% endmacro %}
