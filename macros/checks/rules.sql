{#- A rule of a rule book: what must hold (predicate), and what a reject says where it doesn't (id and message).

    severity   error rejects the row, warn keeps it and counts it; the var rule_severity may say otherwise
    caused_by  SQL that names the record at fault, where it is another one: table:key
    parent     of a foreign key: the table it points at
    detail     a column of the checked table that the reason of a reject shows
    kept_for   what depends on the rule, so that it can't be relaxed (or, if it warns, made an error)
    of_row     whether it looks only at the row's own cells -#}
{% macro rule(id, columns, predicate, message, severity='error', caused_by=none, parent=none, detail=none, kept_for=none, of_row=true) %}
    {{- return({
        'id': id,
        'columns': columns,
        'predicate': predicate,
        'message': message,
        'severity': severity,
        'caused_by': caused_by,
        'parent': parent,
        'detail': detail,
        'kept_for': kept_for,
        'of_row': of_row,
    }) -}}
{% endmacro %}


{#- ---- a cell ---- -#}

{#- a text: its cell is blank -#}
{% macro rule_missing(column, severity='error', kept_for=none) %}
    {{- return(rule(
        column ~ '_missing', [column], is_present(column), column ~ ' is blank', severity, kept_for=kept_for
    )) -}}
{% endmacro %}

{#- any other column: its cell is blank -#}
{% macro rule_value_missing(column, severity='error', kept_for=none) %}
    {{- return(rule(
        column ~ '_missing', [column], is_present(column ~ '_text'), column ~ ' is blank', severity, kept_for=kept_for
    )) -}}
{% endmacro %}

{#- its cell is not blank and spells no value -#}
{% macro rule_invalid(columns, column, severity='error', kept_for=none) %}
    {{- return(rule(
        column ~ '_invalid',
        [column],
        is_readable(column),
        column ~ ' is not ' ~ column_of(columns, column).expected,
        severity,
        kept_for=kept_for
    )) -}}
{% endmacro %}

{#- more characters than the column allows -#}
{% macro rule_too_long(columns, column, severity='error', kept_for=none) %}
    {%- set max_length = column_of(columns, column).max_length -%}
    {{- return(rule(
        column ~ '_too_long',
        [column],
        is_no_longer_than(column, max_length),
        column ~ ' has more than ' ~ max_length ~ ' characters',
        severity,
        kept_for=kept_for
    )) -}}
{% endmacro %}

{#- below 0 -#}
{% macro rule_negative(column, severity='error', kept_for=none) %}
    {{- return(rule(
        column ~ '_negative', [column], is_at_least(column ~ '_read', 0), column ~ ' is below 0', severity, kept_for=kept_for
    )) -}}
{% endmacro %}

{#- 0 or below -#}
{% macro rule_not_positive(column, kept_for=none) %}
    {{- return(rule(
        column ~ '_not_positive',
        [column],
        is_above_zero(column ~ '_read'),
        column ~ ' is not above 0',
        kept_for=kept_for
    )) -}}
{% endmacro %}

{#- 0, which has a meaning -#}
{% macro rule_zero(column, meaning) %}
    {{- return(rule(
        column ~ '_zero', [column], is_not_zero(column ~ '_read'), column ~ ' is 0: ' ~ meaning, 'warn'
    )) -}}
{% endmacro %}

{#- outside two bounds -#}
{% macro rule_out_of_range(column, low, high) %}
    {{- return(rule(
        column ~ '_out_of_range',
        [column],
        is_between(column ~ '_read', low, high),
        column ~ ' is outside ' ~ low ~ ' to ' ~ high
    )) -}}
{% endmacro %}

{#- later than the data cut-off date

    value  SQL for the day or moment; none: as it was read -#}
{% macro rule_in_future(column, severity='error', value=none) %}
    {{- return(rule(
        column ~ '_in_future',
        [column],
        is_not_in_future(value or column ~ '_read'),
        column ~ ' is later than the data cut-off date',
        severity,
        of_row=false
    )) -}}
{% endmacro %}

{#- more decimal places than the clean type has -#}
{% macro rule_rounded(columns, column) %}
    {%- set scale = column_of(columns, column).scale -%}
    {{- return(rule(
        column ~ '_rounded',
        [column],
        is_unrounded(column, scale),
        column ~ ' has more than ' ~ scale ~ ' decimal places and was rounded',
        'warn'
    )) -}}
{% endmacro %}


{#- ---- a key and its copies ---- -#}

{#- The four rules of a key: <key>_missing, _too_long, _duplicate and _conflict. The last part of a composite key is unique
    within the rest, which `within` names. -#}
{% macro rules_of_key(columns, column, within=none) %}
    {%- set in_its = ' in its ' ~ within if within else '' -%}
    {%- set kept_for = 'the primary key' -%}
    {{- return([
        rule_missing(column, kept_for=kept_for),
        rule_too_long(columns, column, kept_for=kept_for),
        rule(
            column ~ '_duplicate',
            [column],
            is_first_copy(),
            'an exact copy of this ' ~ column ~ ' was kept' ~ in_its,
            kept_for=kept_for,
            of_row=false
        ),
        rule(
            column ~ '_conflict',
            [column],
            is_no_conflict(),
            'rows with this ' ~ column ~ in_its ~ ' contradict each other',
            kept_for=kept_for,
            of_row=false
        ),
    ]) -}}
{% endmacro %}
