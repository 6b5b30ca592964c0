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
        {{ key_of(table) | join(' is not null and ') }} is not null as has_key,
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


{#- The parents that the rejected rows of a table named in vain, absent or rejected ones. -#}
{% macro failed_parents(table, relation) %}
    {%- for rule in rules_of(table) if rule.parent and rule.id != 'transaction_rejected' %}
    select
        source_row_number,
        '{{ rule.parent }}' as root_table,
        cast({{ rule.columns[0] }} as text) as root_key,
        1 as steps,
        step || ' < {{ rule.parent }}:' || {{ rule.columns[0] }} as trail
    from {{ relation }}
    where {{ has_label('failed_rules', "'" ~ rule.id ~ "'") }}
    {{- ' union all' if not loop.last }}
    {%- endfor %}
{% endmacro %}
