{#- The rejected rows of a checked table in the shape of rejected_records, with their cells as the raw table has them. -#}
{% macro rejected_rows(table) %}
    {%- set raw_record = {} -%}
    {%- for column in columns_of(table) -%}
        {%- do raw_record.update({column.name: 'raw_rows.' ~ column.name}) -%}
    {%- endfor %}
    select
        '{{ table }}' as source_table,
        checked.source_row_number,
        checked.file_id,
        checked.record_key,
        {% if table in sales_tables() -%}
        checked.transaction_id,
        {%- else -%}
        cast(null as {{ sql_type('text') }}) as transaction_id,
        {%- endif %}
        {% for column in key_of(table) -%} checked.{{ column }} is not null {{ 'and ' if not loop.last }}{%- endfor %} as has_key,
        checked.failed_rules,
        {{ reasons(rules_of(table)) }} as reason,
        nullif(checked.caused_by, '') as caused_by,
        {{ json_object(raw_record) }} as raw_record,
        checked.amount_at_stake
    from ({{ affected_rows(ref('checked_' ~ table)) if table in sales_tables() else 'select * from ' ~ ref('checked_' ~ table) }}) as checked
    inner join (select * from {{ raw_table(table) }}) as raw_rows on checked.source_row_number = raw_rows.source_row_number
    where not checked.is_valid
{% endmacro %}

{#- The unreadable lines in the shape of rejected rows. -#}
{% macro rejected_lines() %}
    select
        source_table,
        cast(null as bigint) as source_row_number,
        file_id,
        '' as record_key,
        cast(null as {{ sql_type('text') }}) as transaction_id,
        false as has_key,
        rule_id as failed_rules,
        {{ reasons(file_line_rules(), 'rule_id') }} || ' (line ' || line_number || ': ' || detail || ')' as reason,
        cast(null as {{ sql_type('text') }}) as caused_by,
        {{ json_object({'line': 'line', 'line_number': 'line_number', 'file_id': 'file_id'}) }} as raw_record,
        cast(null as {{ sql_type('numeric') }}) as amount_at_stake
    from ({{ input_unreadable_lines() }}) as unreadable_lines
{% endmacro %}

{#- The messages of the rules that a row failed. -#}
{% macro reasons(rules, labels='failed_rules') -%}
    concat_ws(
            '; '
    {%- for rule in rules if rule.severity == 'error' %},
            case when {{ has_label(labels, "'" ~ rule.id ~ "'") }} then '{{ rule.message }}'
            {{- " || ' (' || " ~ rule.detail ~ " || ')'" if rule.detail }} end
    {%- endfor %}
        )
{%- endmacro %}

{#- Whether a list of labels with ';' between them has this one. -#}
{% macro has_label(labels, label) -%}
    {{- return("position(';' || " ~ label ~ " || ';' in ';' || " ~ labels ~ " || ';') > 0") -}}
{%- endmacro %}

{#- The parents that rejected rows named in vain, because they are absent or rejected. A rejected transaction has causes of its
    own, which models/staging/quarantine/rejected_record_causes.sql follows.

    rules     the rule book of the rows
    relation  the rejected rows, as a CTE -#}
{% macro failed_parents(rules, relation) %}
    {%- for rule in rules if rule.parent and rule.id not in ['transaction_rejected', 'transaction_id_parent_rejected'] %}
    select
        source_row_number,
        '{{ rule.parent }}' as root_table,
        cast({{ rule.columns[0] }} as {{ sql_type('text') }}) as root_key,
        1 as steps,
        step || ' < {{ rule.parent }}:' || {{ rule.columns[0] }} as trail
    from {{ relation }}
    where {{ has_label('failed_rules', "'" ~ rule.id ~ "'") }}
    {{- ' union all' if not loop.last }}
    {%- endfor %}
{% endmacro %}
