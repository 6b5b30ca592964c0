{#- How a parent's rejection reaches its children. A model of children joins `parent_keys` and gets a column
    <foreign key>_parent_is_valid: true, false if all rows of the parent were rejected, null if there is none. The two rules of a
    foreign key look at it. Between headers and lines it is the rules line_item_rejected and transaction_rejected of their rule books.
    rejected_record_causes only traces afterwards what caused what. -#}

{#- The keys of a checked parent, and whether a valid row has them. Foreign keys are judged against these. -#}
{% macro parent_keys(relation, key) %}
    select
        {{ key }},
        bool_or(is_valid) as is_valid
    from {{ relation }}
    where {{ key }} is not null
    group by {{ key }}
{% endmacro %}

{#- a foreign key names a parent that exists -#}
{% macro is_known(column) %}
    {{- return(column ~ ' is null or ' ~ column ~ '_parent_is_valid is not null') -}}
{% endmacro %}

{#- the parent was not rejected -#}
{% macro has_valid_parent(column) %}
    {{- return('coalesce(' ~ column ~ '_parent_is_valid, true)') -}}
{% endmacro %}

{#- What `caused_by` says of a parent: table:key. -#}
{% macro caused_by_parent(column, parent) %}{{ return("'" ~ parent ~ ":' || " ~ column) }}{% endmacro %}

{#- no row of the parent table has this key -#}
{% macro rule_unknown(column, parent) %}
    {{- return(rule(
        column ~ '_unknown',
        [column],
        is_known(column),
        column ~ ' names no row of ' ~ parent,
        caused_by=caused_by_parent(column, parent),
        parent=parent,
        kept_for='the foreign key',
        of_row=false
    )) -}}
{% endmacro %}

{#- rows of the parent table have this key, and all were rejected -#}
{% macro rule_parent_rejected(column, parent) %}
    {{- return(rule(
        column ~ '_parent_rejected',
        [column],
        has_valid_parent(column),
        column ~ ' names a row of ' ~ parent ~ ' that was itself rejected',
        caused_by=caused_by_parent(column, parent),
        parent=parent,
        kept_for='the foreign key',
        of_row=false
    )) -}}
{% endmacro %}
