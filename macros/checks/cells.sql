{#- The cells of raw rows: a text column as <name>, trimmed; any other as <name>_text, trimmed, and <name>_read, the value that
    it spells.

    rows     SQL that selects raw rows
    columns  of the table -#}
{% macro read_cells(rows, columns) %}
    select
        trimmed.*
        {%- for column in columns if column.read %},
        {{ column.read }} as {{ column.name }}_read
        {%- endfor %}
    from (
        select
            source_row_number,
            file_id
            {%- for column in columns if column.type %},
            {{ read_text(column.name) }} as {{ column.name }}{{ '_text' if column.read }}
            {%- endfor %}
        from ({{ rows }}) as raw_rows
        {{ evaluate_once() }}
    ) as trimmed
    {{ evaluate_once() }}
{% endmacro %}

{#- The names that the cells of a table have as trimmed texts. -#}
{% macro text_names(columns) %}
    {%- set names = [] -%}
    {%- for column in columns if column.type -%}
        {%- do names.append(column.name ~ ('_text' if column.read else '')) -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}

{#- Names with a prefix before each. -#}
{% macro prefixed(prefix, names) %}
    {%- set result = [] -%}
    {%- for name in names -%}{%- do result.append(prefix ~ name) -%}{%- endfor -%}
    {{- return(result) -}}
{% endmacro %}
