{#- Every cell of a raw relation, untouched as raw_<column>, trimmed, and with the value it spells. -#}
{% macro read_cells(relation, columns) %}
    select
        trimmed.*
        {%- for column in columns if column.read %},
        {{ column.read }} as {{ column.name }}_read
        {%- endfor %}
    from (
        select
            source_row_number
            {%- for column in columns %},
            {{ column.name }} as raw_{{ column.name }}
                {%- if column.type %},
            {{ read_text(column.name) }} as {{ column.name }}{{ '_text' if column.read }}
                {%- endif %}
            {%- endfor %}
        from {{ relation }}
        {{ evaluate_once() }}
    ) as trimmed
    {{ evaluate_once() }}
{% endmacro %}


{#- The keys that stand in a raw relation more than once: the row that is kept where all their rows are equal, and
    whether they are not. A key with a blank part is no key. -#}
{% macro repeated_keys(relation, columns, key) %}
    {%- set texts = columns | selectattr('type') | map(attribute='name') | list %}
    select
        {{ key | join(', ') }},
        min(source_row_number) as key_kept_row,
        min(content) <> max(content) as key_is_conflict
    from (
        select
            cells.source_row_number,
            {% for column in key -%} cells.{{ column }}, {% endfor %}
            {{ content_of(prefixed('cells.', texts)) }} as content
        from ({{ trimmed_texts(relation, texts) }}) as cells
        inner join (
            select {{ key | join(', ') }}
            from ({{ trimmed_texts(relation, key) }}) as keys
            where {% for column in key -%} {{ column }} is not null {{ 'and ' if not loop.last }}{%- endfor %}
            group by {{ key | join(', ') }}
            having count(*) > 1
        ) as repeated
            on {% for column in key -%}
                cells.{{ column }} = repeated.{{ column }} {{ 'and ' if not loop.last }}
            {%- endfor %}
    ) as copies
    group by {{ key | join(', ') }}
{% endmacro %}

{% macro prefixed(prefix, names) %}
    {%- set result = [] -%}
    {%- for name in names -%}{%- do result.append(prefix ~ name) -%}{%- endfor -%}
    {{- return(result) -}}
{% endmacro %}

{% macro trimmed_texts(relation, names) -%}
    select
        source_row_number
        {%- for name in names %}, {{ read_text(name) }} as {{ name }}{% endfor %}
    from {{ relation }}
{%- endmacro %}


{#- The keys of a checked parent, and whether a valid row carries them: a foreign key is judged against these. -#}
{% macro parent_keys(relation, key) %}
    select
        {{ key }},
        bool_or(is_valid) as is_valid
    from {{ relation }}
    where {{ key }} is not null
    group by {{ key }}
{% endmacro %}


{#- Judges every row of a relation by the rules: the clean values beside the raw ones, and the verdict.

    relation        a CTE with the columns the rules look at
    columns, key    of the table
    rules           the rule book, or the part of it that is judged here
    amount          SQL for the money a row is about, as read; none for a table without
    judged_before   the relation carries a verdict already: add to it -#}
{% macro judge(relation, columns, key, rules, amount=none, judged_before=false) %}
    {%- set clean = columns | selectattr('type') | list %}
    select
        source_row_number,
        {% if judged_before -%}
        record_key,
            {%- for column in clean %}
        {{ column.name }},
            {%- endfor %}
        amount_at_stake,
        {%- else -%}
        {{ record_key(key) }} as record_key,
            {%- for column in clean %}
        {{ column.clean }} as {{ column.name }},
            {%- endfor %}
        {{ amount or 'cast(null as numeric)' }} as amount_at_stake,
        {%- endif %}
        new_failed_rules = '' {{- ' and is_valid' if judged_before }} as is_valid,
        {{ added_labels('failed_rules', judged_before) }} as failed_rules,
        {{ added_labels('warned_rules', judged_before) }} as warned_rules,
        {{ added_labels('caused_by', judged_before) }} as caused_by
        {%- for column in columns %},
        raw_{{ column.name }}
        {%- endfor %}
    from (
        select
            {{ relation }}.*,
            {{ labels(rules | selectattr('severity', 'equalto', 'error') | list) }} as new_failed_rules,
            {{ labels(rules | selectattr('severity', 'equalto', 'warn') | list) }} as new_warned_rules,
            {{ labels(rules | selectattr('caused_by') | list, label='caused_by') }} as new_caused_by
        from {{ relation }}
        {{ evaluate_once() }}
    ) as labelled
{% endmacro %}

{#- The rules a row failed, in the order of the book, with ';' between them; an unknown predicate is a failed one. -#}
{% macro labels(rules, label='id') -%}
    {%- if not rules -%}''
    {%- else -%}
    concat_ws(
                ';'
    {%- for rule in rules %},
                case when ({{ rule.predicate }}) is not true then {{ rule.caused_by if label == 'caused_by' else "'" ~ rule.id ~ "'" }} end
    {%- endfor %}
            )
    {%- endif -%}
{%- endmacro %}

{% macro added_labels(column, judged_before) -%}
    {%- if judged_before -%}
        concat_ws(';', nullif({{ column }}, ''), nullif(new_{{ column }}, ''))
    {%- else -%}
        new_{{ column }}
    {%- endif -%}
{%- endmacro %}

{#- What a steward looks a record up by: its key, the parts with '|' between them. -#}
{% macro record_key(key) %}
    {%- set parts = [] -%}
    {%- for column in key -%}{%- do parts.append('coalesce(' ~ column ~ ", '')") -%}{%- endfor -%}
    {{- return(parts | join(" || '|' || ")) -}}
{% endmacro %}


{#- A master table, checked: it has no parents, so each row is judged by itself and its key by the other rows'. -#}
{% macro check_master(table) %}
    {%- set key = key_of(table)[0] -%}
    {%- set columns = columns_of(table) -%}
    {%- set relation = raw_table(table) -%}
with

read_values as (

    {{ read_cells(relation, columns) }}

),

repeated as (

    {{ repeated_keys(relation, columns, [key]) }}

),

rows_to_judge as (

    select
        read_values.*,
        repeated.key_kept_row,
        repeated.key_is_conflict
    from read_values
    left join repeated on read_values.{{ key }} = repeated.{{ key }}

),

final as (

    {{ judge('rows_to_judge', columns, [key], rules_of(table)) }}

)

select * from final
{% endmacro %}
