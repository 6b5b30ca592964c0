{#- The rejected rows of a checked table, as rejected_records holds them. -#}
{% macro rejected_rows(table) %}
    {%- set raw_record = {} -%}
    {%- for column in columns_of(table) -%}
        {%- do raw_record.update({column.name: 'raw_' ~ column.name}) -%}
    {%- endfor %}
    select
        '{{ table }}' as source_table,
        source_row_number,
        record_key,
        failed_rules,
        {{ reasons(rules_of(table)) }} as reason,
        nullif(caused_by, '') as caused_by,
        {{ json_object(raw_record) }} as raw_record,
        amount_at_stake
    from {{ ref('checked_' ~ table) }}
    where not is_valid
{% endmacro %}

{#- The messages of the rules a row failed. -#}
{% macro reasons(rules) -%}
    concat_ws(
            '; '
    {%- for rule in rules if rule.severity == 'error' %},
            case when {{ has_label('failed_rules', "'" ~ rule.id ~ "'") }} then '{{ rule.message }}' end
    {%- endfor %}
        )
{%- endmacro %}

{#- Whether a list of labels with ';' between them has this one. -#}
{% macro has_label(labels, label) -%}
    {{- return("position(';' || " ~ label ~ " || ';' in ';' || " ~ labels ~ " || ';') > 0") -}}
{%- endmacro %}
