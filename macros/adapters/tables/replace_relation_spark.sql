{#- Spark has no transactions. A table is written beside the one that is there, and takes its name at the end: a build that is
    killed leaves the old table, at worst under its backup's name, from which the next build takes it. -#}

{% materialization table, adapter='spark' %}{{ return(retail.build_spark_table()) }}{% endmaterialization %}

{#- Files can't be changed, so what a model changes by its unique_key is written anew with the rest; without one, added. -#}
{% materialization incremental, adapter='spark' %}
    {%- set existing = retail.rescued_spark_table(this) -%}
    {%- if existing is none or not existing.is_table or should_full_refresh() -%}
        {{ return(retail.build_spark_table()) }}
    {%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- set changes = this.incorporate(type='table', path={'identifier': this.identifier ~ '__dbt_changes'}) -%}
    {%- do adapter.drop_relation(changes) -%}
    {%- call statement('main') -%}{{ spark__create_table_as(False, changes, sql) }}{%- endcall -%}
    {%- if run_query('select 1 from ' ~ changes ~ ' limit 1').rows | length > 0 -%}
        {%- do process_schema_changes(config.get('on_schema_change'), changes, existing) -%}
        {%- set columns = adapter.get_columns_in_relation(existing) | map(attribute='name') | join(', ') -%}
        {%- set key = config.get('unique_key') -%}
        {%- if key -%}
            {%- set same_key = [] -%}
            {%- for column in ([key] if key is string else key) -%}
                {%- do same_key.append('present.' ~ column ~ ' <=> changes.' ~ column) -%}
            {%- endfor -%}
            {%- set merged -%}
                select {{ columns }} from {{ existing }} as present
                left anti join {{ changes }} as changes on {{ same_key | join(' and ') }}
                union all
                select {{ columns }} from {{ changes }}
            {%- endset -%}
            {%- do retail.replace_spark_table(existing, merged) -%}
        {%- else -%}
            {%- do run_query('insert into ' ~ existing ~ ' (' ~ columns ~ ') select ' ~ columns ~ ' from ' ~ changes) -%}
        {%- endif -%}
    {%- endif -%}
    {%- do adapter.drop_relation(changes) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}

{#- The body of a materialization: the model's table, written anew. -#}
{% macro build_spark_table() %}
    {%- do retail.rescued_spark_table(this) -%}
    {{ run_hooks(pre_hooks) }}
    {%- do retail.replace_spark_table(this.incorporate(type='table'), sql, 'main') -%}
    {%- do persist_docs(this.incorporate(type='table'), model) -%}
    {{ run_hooks(post_hooks) }}
    {{- return({'relations': [this.incorporate(type='table')]}) -}}
{% endmacro %}

{#- The relation of that name, none where there is none; before that, its backup where a build was killed between two names. -#}
{% macro rescued_spark_table(relation) %}
    {%- set existing = load_cached_relation(relation) -%}
    {%- if existing is not none -%}{{- return(existing) -}}{%- endif -%}
    {%- set backup = load_cached_relation(make_backup_relation(relation, 'table')) -%}
    {%- if backup is none -%}{{- return(none) -}}{%- endif -%}
    {%- do adapter.rename_relation(backup, relation.incorporate(type='table')) -%}
    {{- return(relation.incorporate(type='table')) -}}
{% endmacro %}

{#- Writes what the SQL selects as the table of that name. -#}
{% macro replace_spark_table(relation, select, statement_name=none) %}
    {%- set intermediate = make_intermediate_relation(relation) -%}
    {%- set backup = make_backup_relation(relation, 'table') -%}
    {%- set existing = load_cached_relation(relation) -%}
    {%- do adapter.drop_relation(intermediate) -%}
    {%- do adapter.drop_relation(backup) -%}
    {%- call statement(statement_name) -%}{{ spark__create_table_as(False, intermediate, select) }}{%- endcall -%}
    {%- if existing is not none and existing.is_table -%}
        {%- do adapter.rename_relation(existing, backup) -%}
    {%- elif existing is not none -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- do adapter.rename_relation(intermediate, relation) -%}
    {%- do adapter.drop_relation(backup) -%}
{% endmacro %}
