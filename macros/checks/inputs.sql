{#- Where rows come from: `seeds` (dbt seed) or `landing` (retail load). Each relation of the input has one macro here, with the
    same columns for both, so that models need not ask which it is. -#}

{#- Whether rows come from `retail load`, delivery by delivery. -#}
{% macro lands() %}{{ return(setting('raw_layer') == 'landing') }}{% endmacro %}

{#- The raw rows of a table, with source_row_number and file_id. A build leaves out what a load brings meanwhile. -#}
{% macro raw_table(table) %}
    {%- if not lands() -%}{{- return(ref('raw_' ~ table)) -}}{%- endif -%}
    {%- set landed, seen = landed_table(table), seen_by_this_build() -%}
    {{- return(
        '(select * from ' ~ landed ~ ' where source_row_number <= ' ~ seen.rows['checked_' ~ table] ~ ')' if seen else landed
    ) -}}
{% endmacro %}

{#- The table that `retail load` fills, or no rows for an optional one that no load has brought yet. -#}
{% macro landed_table(table) %}
    {%- set relation = source('landing', 'raw_' ~ table) -%}
    {%- if not execute or table not in optional_tables() or load_relation(relation) is not none -%}
        {%- do require_loaded(relation) -%}
        {{- return(relation) -}}
    {%- endif -%}
    {%- set cells = ['cast(null as bigint) as source_row_number', 'cast(null as integer) as file_id'] -%}
    {%- for column in columns_of(table) -%}
        {%- do cells.append('cast(null as ' ~ sql_type('text') ~ ') as ' ~ column.name) -%}
    {%- endfor -%}
    {{- return('(select ' ~ cells | join(', ') ~ ' where false)') -}}
{% endmacro %}

{#- How far a build reads, and the tests after it: `rows`, the number of the last raw row by checked table, and `file`, the last file, as
    they were when the build began. A load that ends later is the next build's. None on engines that don't amend: DuckDB lets nobody
    load during a build, Spark reads what is there. -#}
{% macro seen_by_this_build() %}
    {%- if lands() and can_amend() -%}
        {%- do ref('build_plan') -%}
        {{- return(build_plan().get('seen')) -}}
    {%- endif -%}
{% endmacro %}

{#- The number of the file that a raw row came from: each seed is file 1 of delivery 1. -#}
{% macro raw_file_id() %}{{ return('file_id' if lands() else 'cast(1 as integer)') }}{% endmacro %}

{#- The files that were loaded, one row per file. -#}
{% macro input_files() %}
    {%- if lands() -%}
    select
        file_id,
        batch_id,
        source_table,
        source_file,
        first_row_number,
        rows,
        loaded_at
    from {{ source('landing', 'loaded_files') }}
    {{- file_is_seen() }}
    {%- else -%}
    {%- for table in checked_tables() %}
    select
        cast(1 as integer) as file_id,
        cast(1 as integer) as batch_id,
        '{{ table }}' as source_table,
        'raw_{{ table }}.csv' as source_file,
        cast(1 as bigint) as first_row_number,
        -- a seed does not say when it was loaded
        cast(null as {{ sql_type('timestamp with time zone') }}) as loaded_at
    {{ 'union all' if not loop.last }}
    {%- endfor -%}
    {%- endif -%}
{% endmacro %}

{#- SQL that selects some raw rows with the delivery that brought them, or the later one in which a steward repaired them. Rows of no
    loaded file, inserted by hand, are one delivery, the last.

    rows  a CTE with source_table, source_row_number and file_id -#}
{% macro rows_delivered(rows) %}
    select
        files_of_rows.source_table,
        files_of_rows.source_row_number,
        max(coalesce(files.batch_id, 2147483647)) as batch_id
    from (
        select
            source_table,
            source_row_number,
            file_id
        from {{ rows }}
        {%- if lands() %}
        union all
        select
            repaired.source_table,
            repaired.source_row_number,
            repairs.file_id
        from {{ rows }} as repaired
        inner join (select * from {{ source('landing', 'repairs') }}) as repairs
            on
                repaired.source_table = repairs.source_table
                and repaired.source_row_number = repairs.source_row_number
        {%- endif %}
    ) as files_of_rows
    left join (
        select distinct
            file_id,
            batch_id
        from ({{ input_files() }}) as input_files
    ) as files on files_of_rows.file_id = files.file_id
    group by files_of_rows.source_table, files_of_rows.source_row_number
{% endmacro %}

{#- The lines that could not become rows, one row per line; dbt seed refuses a file that has one. -#}
{% macro input_unreadable_lines() %}
    {%- if lands() -%}
    select * from {{ source('landing', 'unreadable_lines') }}
    {{- file_is_seen() }}
    {%- else -%}
    select
        cast(null as integer) as file_id,
        cast(null as {{ sql_type('text') }}) as source_table,
        cast(null as bigint) as line_number,
        cast(null as {{ sql_type('text') }}) as line,
        cast(null as {{ sql_type('text') }}) as rule_id,
        cast(null as {{ sql_type('text') }}) as detail
    where false
    {%- endif -%}
{% endmacro %}

{#- SQL that leaves out the files of such a load. -#}
{% macro file_is_seen() %}
    {%- set seen = seen_by_this_build() -%}
    {{- return('\n    where file_id <= ' ~ seen.file if seen else '') -}}
{% endmacro %}

{#- Ends the run in plain words where nothing was loaded yet. -#}
{% macro require_loaded(relation) %}
    {%- if execute and flags.WHICH in ['run', 'build'] and load_relation(relation) is none -%}
        {{- exceptions.raise_compiler_error(
            relation.schema ~ '.' ~ relation.identifier ~ ' is not there: load your files first (retail load DIR)'
        ) -}}
    {%- endif -%}
{% endmacro %}
