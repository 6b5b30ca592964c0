{#- How the cells of a raw column are read, and what the clean column holds.

    A column is a mapping of
      name        the column, in the file and in the clean table
      type        its clean type
      read        SQL that gives the value a trimmed cell spells, null where it spells none; none for a text
      clean       SQL that gives the clean value; its type may be wider, so that no key is cut before it is judged
      expected    in words, what a cell must be to be read; none for a text
      max_length  of a text: the number of characters that are allowed; none for another type
      scale       of a decimal: the digits after the point; none for another type

    While a row is judged, a text is <name>; any other column is <name>_text, the trimmed cell, and <name>_read, the
    value as read, before rounding. -#}
{% macro column(name, type, read=none, clean=none, expected=none, max_length=none, scale=none) %}
    {{- return({
        'name': name,
        'type': type,
        'read': read,
        'clean': clean or (name ~ '_read' if read else name),
        'expected': expected,
        'max_length': max_length,
        'scale': scale,
    }) -}}
{% endmacro %}

{#- A text, stored whole. -#}
{% macro text_column(name, max_length=none) %}
    {{- return(column(name, 'text', max_length=max_length)) -}}
{% endmacro %}

{#- A key or a foreign key: a text whose length is an error beyond the limit. -#}
{% macro key_column(name, max_length) %}
    {{- return(column(name, 'varchar(' ~ max_length ~ ')', max_length=max_length)) -}}
{% endmacro %}

{#- A decimal; more decimal places than `scale` are rounded. -#}
{% macro decimal_column(name, precision, scale) %}
    {%- set type = 'numeric(' ~ precision ~ ', ' ~ scale ~ ')' -%}
    {{- return(column(
        name,
        type,
        read=read_decimal(name ~ '_text', precision, scale),
        clean=round_read(name, precision, scale),
        expected='a number such as 12.50 with at most ' ~ (precision - scale) ~ ' digits before the point',
        scale=scale
    )) -}}
{% endmacro %}

{#- A decimal that is never rounded: a number with more decimal places than `scale` is not read. -#}
{% macro exact_decimal_column(name, precision, scale) %}
    {%- set value = read_decimal(name ~ '_text', precision, scale) -%}
    {{- return(column(
        name,
        'numeric(' ~ precision ~ ', ' ~ scale ~ ')',
        read='case when ' ~ value ~ ' = round(' ~ value ~ ', ' ~ scale ~ ') then ' ~ value ~ ' end',
        clean=round_read(name, precision, scale),
        expected='a number such as 12.50 with at most ' ~ (precision - scale) ~ ' digits before the point and '
        ~ scale ~ ' after it',
        scale=scale
    )) -}}
{% endmacro %}

{#- A whole number of four bytes. -#}
{% macro integer_column(name, clean=none) %}
    {{- return(column(
        name, 'integer', read_integer(name ~ '_text'), clean, expected='a whole number within four bytes'
    )) -}}
{% endmacro %}

{#- A day. -#}
{% macro date_column(name, clean=none) %}
    {{- return(column(
        name, 'date', read_date(name ~ '_text'), clean, expected='a day of the calendar written as YYYY-MM-DD'
    )) -}}
{% endmacro %}

{#- A day that is part of a key. Keys are compared as texts, so the cell stays one, <name>, until it is clean. -#}
{% macro key_date_column(name) %}
    {{- return(column(name, 'date', clean=read_date(name), expected=date_column(name).expected)) -}}
{% endmacro %}

{#- A moment without a time zone. -#}
{% macro timestamp_column(name) %}
    {{- return(column(
        name,
        'timestamp',
        read_timestamp(name ~ '_text'),
        expected='a moment of the calendar written as YYYY-MM-DD or YYYY-MM-DD HH:MM:SS'
    )) -}}
{% endmacro %}

{#- A column that the input contract has but the project computes itself: kept in the raw record only. -#}
{% macro ignored_column(name) %}
    {{- return(column(name, none)) -}}
{% endmacro %}

{#- The clean columns in their clean types, to be selected from a checked table's valid rows. -#}
{% macro typed_columns(columns) %}
    {%- set casts = [] -%}
    {%- for column in columns | selectattr('type') -%}
        {%- do casts.append('cast(' ~ column.name ~ ' as ' ~ sql_type(column.type) ~ ') as ' ~ column.name) -%}
    {%- endfor -%}
    {{- return(casts | join(',\n        ')) -}}
{% endmacro %}

{#- One of a table's columns, by its name. -#}
{% macro column_of(columns, name) %}
    {{- return(columns | selectattr('name', 'equalto', name) | first) -}}
{% endmacro %}
