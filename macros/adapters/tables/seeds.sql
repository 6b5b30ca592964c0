{#- dbt's own seed loader binds one parameter a cell, which takes minutes for a large file. Here a batch of rows is one
    statement that binds one text or array a column, and a raw seed also gets each row's number in its file. -#}

{% macro postgres__get_batch_size() %}{{ return(50000) }}{% endmacro %}

{#- A raw seed (config.meta.key) keeps its row numbers and has to have the columns of the input contract. -#}
{% macro is_raw_seed(model) %}{{ return('key' in model.config.get('meta', {})) }}{% endmacro %}

{#- Ends the run if a raw seed lacks a column of the input contract. -#}
{% macro check_seed_columns(model, agate_table) %}
    {%- set missing = model.config.column_types.keys() | reject('in', agate_table.column_names) | list -%}
    {%- if missing -%}
        {{- exceptions.raise_compiler_error(
            model.original_file_path ~ ', line 1: column ' ~ missing | join(', ')
            ~ ' is missing; the header must name ' ~ model.config.column_types.keys() | join(', ')
        ) -}}
    {%- endif -%}
{% endmacro %}

{#- The type of each column of a seed, in the order of the file. -#}
{% macro seed_column_types(model, agate_table) %}
    {%- set types = [] -%}
    {%- for column in agate_table.column_names -%}
        {%- set inferred = adapter.convert_type(agate_table, loop.index0) -%}
        {%- do types.append(model.config.get('column_types', {}).get(column, inferred)) -%}
    {%- endfor -%}
    {{- return(types) -}}
{% endmacro %}

{% macro postgres__create_csv_table(model, agate_table) %}
    {%- if is_raw_seed(model) -%}{%- do check_seed_columns(model, agate_table) -%}{%- endif -%}
    {%- set types = seed_column_types(model, agate_table) -%}
    {%- set quote = model.config.get('quote_columns') -%}
    {%- set sql -%}
        create table {{ this.render() }} (
            {{ 'source_row_number bigint not null,' if is_raw_seed(model) }}
            {%- for column in agate_table.column_names %}
            {{ adapter.quote_seed_column(column, quote) }} {{ types[loop.index0] }} {{- ',' if not loop.last }}
            {%- endfor %}
        )
    {%- endset -%}
    {%- call statement('_') -%}{{ sql }}{%- endcall -%}
    {{- return(sql) -}}
{% endmacro %}

{#- A batch of a column as SQL of an array, and what that binds. psycopg2 renders a list cell by cell, and the server reads
    it so: six times as slow as one long text, which holds the cells with a separator between them. -#}
{% macro seed_cells(cells, type, are_texts) %}
    {%- if not are_texts -%}{{- return({'sql': '%s::' ~ type ~ '[]', 'bindings': [cells | list]}) -}}{%- endif -%}
    {#- control characters with a part of this run's random id: no cell has them -#}
    {%- set separator, missing = '\x1f' ~ invocation_id[:8], '\x1e' ~ invocation_id[:8] -%}
    {%- set texts = cells | map('default', missing, true) if none in cells else cells -%}
    {{- return({
        'sql': 'string_to_array(%s, %s, %s)::' ~ type ~ '[]',
        'bindings': [texts | join(separator), separator, missing]
    }) -}}
{% endmacro %}

{% macro postgres__load_csv_rows(model, agate_table) %}
    {%- if is_raw_seed(model) -%}{%- do check_seed_columns(model, agate_table) -%}{%- endif -%}
    {%- set types = seed_column_types(model, agate_table) -%}
    {%- set columns = get_seed_column_quoted_csv(model, agate_table.column_names) -%}
    {%- set numbered = is_raw_seed(model) -%}
    {%- set batch_size = get_batch_size() -%}
    {%- set contents = [] -%}
    {%- for column in agate_table.columns -%}
        {#- agate gathers a column's cells anew each time it is asked -#}
        {%- set are_texts = adapter.convert_type(agate_table, loop.index0) == 'text' -%}
        {%- do contents.append({'cells': column.values(), 'type': types[loop.index0], 'are_texts': are_texts}) -%}
    {%- endfor -%}
    {%- set statements = [] -%}
    {%- for start in range(0, agate_table.rows | length, batch_size) -%}
        {%- set arrays, bindings = [], [] -%}
        {%- for column in contents -%}
            {%- set batch = seed_cells(column.cells[start:start + batch_size], column.type, column.are_texts) -%}
            {%- do arrays.append(batch.sql) -%}
            {%- do bindings.extend(batch.bindings) -%}
        {%- endfor -%}
        {%- set sql -%}
            insert into {{ this.render() }} ({{ 'source_row_number, ' if numbered }}{{ columns }})
            select {{ 'row_number_in_batch + ' ~ start ~ ', ' if numbered }}{{ columns }}
            from unnest({{ arrays | join(', ') }}) with ordinality as batch ({{ columns }}, row_number_in_batch)
        {%- endset -%}
        {%- do adapter.add_query(sql, bindings=bindings, abridge_sql_log=True) -%}
        {%- do statements.append(sql) -%}
    {%- endfor -%}
    {{- return(statements[0] if statements else '') -}}
{% endmacro %}

{#- With --full-refresh dbt drops a seed and creates it again: the views over it come back. -#}
{% macro postgres__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {%- if not full_refresh -%}{{- return(default__reset_csv_table(model, full_refresh, old_relation, agate_table)) -}}{%- endif -%}
    {%- call statement('note') -%}{{ note_views(old_relation) }}{%- endcall -%}
    {%- set sql = default__reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
    {%- call statement('restore', fetch_result=true) -%}{{ restore_views() }}{%- endcall -%}
    {%- do name_lost_views('restore') -%}
    {{- return(sql) -}}
{% endmacro %}

{% macro duckdb__create_csv_table(model, agate_table) %}{{ return(postgres__create_csv_table(model, agate_table)) }}{% endmacro %}

{#- DuckDB binds a list a column. -#}
{% macro duckdb__load_csv_rows(model, agate_table) %}
    {%- set types = seed_column_types(model, agate_table) -%}
    {%- set columns = get_seed_column_quoted_csv(model, agate_table.column_names) -%}
    {%- set numbered = is_raw_seed(model) -%}
    {%- set lists, bindings = [], [] -%}
    {%- for column in agate_table.columns -%}
        {%- do lists.append('cast(unnest(?) as ' ~ types[loop.index0] ~ ')') -%}
        {%- do bindings.append(column.values() | list) -%}
    {%- endfor -%}
    {%- if numbered -%}
        {%- do lists.insert(0, 'unnest(range(1, ' ~ (agate_table.rows | length + 1) ~ '))') -%}
    {%- endif -%}
    {%- set sql -%}
        insert into {{ this.render() }} ({{ 'source_row_number, ' if numbered }}{{ columns }})
        select {{ lists | join(', ') }}
    {%- endset -%}
    {%- do adapter.add_query(sql, bindings=bindings, abridge_sql_log=True) -%}
    {{- return(sql) -}}
{% endmacro %}

{% macro spark__get_batch_size() %}{{ return(20000) }}{% endmacro %}

{% macro spark__create_csv_table(model, agate_table) %}
    {%- if is_raw_seed(model) -%}{%- do check_seed_columns(model, agate_table) -%}{%- endif -%}
    {%- set types = seed_column_types(model, agate_table) -%}
    {%- set sql -%}
        create table {{ this.render() }} (
            {{ 'source_row_number bigint,' if is_raw_seed(model) }}
            {%- for column in agate_table.column_names %}
            {{ column }} {{ sql_type(types[loop.index0]) }} {{- ',' if not loop.last }}
            {%- endfor %}
        ) using parquet
    {%- endset -%}
    {%- call statement('_') -%}{{ sql }}{%- endcall -%}
    {{- return(sql) -}}
{% endmacro %}

{#- Spark binds nothing: a batch is one text of JSON, which its parser reads at once; a literal a cell would take minutes. -#}
{% macro spark__load_csv_rows(model, agate_table) %}
    {%- set types = seed_column_types(model, agate_table) -%}
    {%- set batch_size = get_batch_size() -%}
    {%- set statements = [] -%}
    {%- for start in range(0, agate_table.rows | length, batch_size) -%}
        {%- set batch = [] -%}
        {%- for row in agate_table.rows[start:start + batch_size] -%}
            {%- set cells = [] -%}
            {%- for cell in row.values() -%}{%- do cells.append(none if cell is none else cell | string) -%}{%- endfor -%}
            {%- do batch.append(cells) -%}
        {%- endfor -%}
        {%- set json = tojson(batch) | replace('\\', '\\\\') | replace("'", "\\'") -%}
        {%- set sql -%}
            insert into {{ this.render() }}
            select
                {{ 'place + ' ~ (start + 1) ~ ',' if is_raw_seed(model) }}
                {%- for type in types %}
                cast(cells[{{ loop.index0 }}] as {{ sql_type(type) }}) {{- ',' if not loop.last }}
                {%- endfor %}
            from (select posexplode(from_json('{{ json }}', 'array<array<string>>')) as (place, cells)) as batch
        {%- endset -%}
        {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
        {%- do statements.append(sql) -%}
    {%- endfor -%}
    {{- return(statements[0] if statements else '') -}}
{% endmacro %}
