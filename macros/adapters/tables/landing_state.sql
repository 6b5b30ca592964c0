{#- SQL that changes if anyone but `retail load` changes the landing tables: how many changes their triggers recorded
    (retail/loading/manual_changes.py), and in which files the engine keeps them, because a table may be replaced or rewritten.
    Null if a table has no such trigger. -#}
{% macro landing_state() %}{{ return(adapter.dispatch('landing_state', 'retail')()) }}{% endmacro %}

{% macro default__landing_state() %}{{ return('cast(null as ' ~ sql_type('text') ~ ')') }}{% endmacro %}

{% macro postgres__landing_state() %}
    {%- set changes = source('landing', 'manual_changes') -%}
    {%- if execute and load_relation(changes) is none -%}{{- return('cast(null as text)') -}}{%- endif -%}
    (
        select
            case when bool_and(pg_trigger.oid is not null) then
                (select count(*) from {{ changes }}) || ' '
                || string_agg(cast(pg_relation_filenode(pg_class.oid) as text), ' ' order by tables.name)
            end
        from (
            values
            {%- for name in landing_tables() %} ('{{ changes.incorporate(path={'identifier': name}) }}') {{- ',' if not loop.last }}
            {%- endfor %}
        ) as tables (name)
        left join pg_class on to_regclass(tables.name) = pg_class.oid
        left join pg_trigger
            on
                pg_class.oid = pg_trigger.tgrelid
                and pg_trigger.tgname = 'manual_change'
                and pg_trigger.tgenabled = 'A'
    )
{% endmacro %}

{#- The tables that `retail load` fills. -#}
{% macro landing_tables() %}
    {%- set names = ['loaded_files', 'unreadable_lines', 'repairs'] -%}
    {%- for table in checked_tables() -%}{%- do names.append('raw_' ~ table) -%}{%- endfor -%}
    {{- return(names) -}}
{% endmacro %}

{#- SQL that counts those changes; 0 where none are recorded. -#}
{% macro manual_changes_count() %}{{ return(adapter.dispatch('manual_changes_count', 'retail')()) }}{% endmacro %}

{% macro default__manual_changes_count() %}{{ return('0') }}{% endmacro %}

{% macro postgres__manual_changes_count() %}
    {%- set changes = source('landing', 'manual_changes') -%}
    {{- return('(select count(*) from ' ~ changes ~ ')' if not execute or load_relation(changes) else '0') -}}
{% endmacro %}
