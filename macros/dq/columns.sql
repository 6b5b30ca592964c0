{#- How the cells of a raw column are read, and what the clean column holds.

    A column is a mapping of
      name   the column, in the file and in the clean table
      type   its clean type
      read   SQL that gives the value a trimmed cell spells, null where it spells none; none for a text
      clean  SQL that gives the clean value; its type may be wider, so that no key is cut before it is judged

    While a row is judged, a text is <name>; any other column is <name>_text, the trimmed cell, and <name>_read, the
    value as read, before rounding. -#}

{% macro text_column(name) %}
    {{- return({'name': name, 'type': 'text', 'read': none, 'clean': name}) -}}
{% endmacro %}

{% macro key_column(name, max_length) %}
    {{- return({'name': name, 'type': 'varchar(' ~ max_length ~ ')', 'read': none, 'clean': name}) -}}
{% endmacro %}

{% macro decimal_column(name, precision, scale) %}
    {%- set type = 'numeric(' ~ precision ~ ', ' ~ scale ~ ')' -%}
    {{- return({
        'name': name,
        'type': type,
        'read': read_decimal(name ~ '_text', precision, scale),
        'clean': 'cast(round(' ~ name ~ '_read, ' ~ scale ~ ') as ' ~ type ~ ')',
    }) -}}
{% endmacro %}

{% macro integer_column(name, clean=none) %}
    {{- return({
        'name': name, 'type': 'integer', 'read': read_integer(name ~ '_text'), 'clean': clean or name ~ '_read'
    }) -}}
{% endmacro %}

{% macro date_column(name, clean=none) %}
    {{- return({
        'name': name, 'type': 'date', 'read': read_date(name ~ '_text'), 'clean': clean or name ~ '_read'
    }) -}}
{% endmacro %}

{% macro timestamp_column(name) %}
    {{- return({
        'name': name, 'type': 'timestamp', 'read': read_timestamp(name ~ '_text'), 'clean': name ~ '_read'
    }) -}}
{% endmacro %}

{#- A column that the input contract has but the project computes itself: kept in the raw record only. -#}
{% macro ignored_column(name) %}
    {{- return({'name': name, 'type': none, 'read': none, 'clean': none}) -}}
{% endmacro %}

{#- The clean columns in their clean types, to be selected from a checked table's valid rows. -#}
{% macro typed_columns(columns) %}
    {%- set casts = [] -%}
    {%- for column in columns | selectattr('type') -%}
        {%- do casts.append('cast(' ~ column.name ~ ' as ' ~ column.type ~ ') as ' ~ column.name) -%}
    {%- endfor -%}
    {{- return(casts | join(',\n        ')) -}}
{% endmacro %}
