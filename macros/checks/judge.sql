{#- Judges every row of a relation by the rules: its clean values, and the verdict.

    relation        a CTE with the columns the rules look at
    columns, key    of the table
    rules           the rule book, or the part of it that is judged here
    amount          SQL for the money a row is about, as read; none for a table without
    judged_before   whether the relation has a verdict already, to which this one is added
    also            names of further columns of the relation that later models need -#}
{% macro judge(relation, columns, key, rules, amount=none, judged_before=false, also=[]) %}
    {%- set clean = columns | selectattr('type') | list %}
    select
        source_row_number,
        file_id,
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
        {{ amount or 'cast(null as ' ~ sql_type('numeric') ~ ')' }} as amount_at_stake,
        {%- endif %}
        new_failed_rules = '' {{- ' and is_valid' if judged_before }} as is_valid,
        {{ added_labels('failed_rules', judged_before) }} as failed_rules,
        -- only a clean row has warnings; a rejected row has its errors
        case
            when new_failed_rules = '' {{- ' and is_valid' if judged_before }}
                then {{ added_labels('warned_rules', judged_before) }}
            else ''
        end as warned_rules,
        {{ added_labels('caused_by', judged_before) }} as caused_by
        {%- for column in also %},
        {{ column }}
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

{#- The rules that a row failed, in the order of the book, with ';' between them. An unknown predicate counts as failed. Most
    rows fail none; that is asked first, because it is cheaper than looking for each label. -#}
{% macro labels(rules, label='id') -%}
    {%- if not rules -%}''
    {%- else -%}
    case
                when
    {%- for rule in rules %}
                    ({{ rule.predicate }}) {{- ' and' if not loop.last }}
    {%- endfor %}
                    then ''
                else concat_ws(
                    ';'
    {%- for rule in rules %},
                    case when ({{ rule.predicate }}) is not true then {{ rule.caused_by if label == 'caused_by' else "'" ~ rule.id ~ "'" }} end
    {%- endfor %}
                )
            end
    {%- endif -%}
{%- endmacro %}

{#- The labels of this verdict, behind those of an earlier one. -#}
{% macro added_labels(column, judged_before) -%}
    {%- if judged_before -%}
        concat_ws(';', nullif({{ column }}, ''), nullif(new_{{ column }}, ''))
    {%- else -%}
        new_{{ column }}
    {%- endif -%}
{%- endmacro %}

{#- What a steward looks a record up by: the parts of its key with '|' between them. -#}
{% macro record_key(key) %}
    {%- set parts = [] -%}
    {%- for column in key -%}{%- do parts.append('coalesce(' ~ column ~ ", '')") -%}{%- endfor -%}
    {{- return(parts | join(" || '|' || ")) -}}
{% endmacro %}
