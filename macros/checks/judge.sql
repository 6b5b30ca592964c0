{#- Every cell of a raw relation, trimmed, and with the value it spells. -#}
{% macro read_cells(relation, columns) %}
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
        from {{ relation }}
        {{ evaluate_once() }}
    ) as trimmed
    {{ evaluate_once() }}
{% endmacro %}


{#- The rows of a raw relation whose key stands more than once, and by chance a few others, with what they state and in
    which delivery; a key with a blank part is no key. A statement is a delivery's rows of a key: it is good where they
    are equal and each is sound by the rules that look at the row alone.

    relation      the raw rows
    columns, key  of the table
    rules         the rule book, or the part of it that looks at single rows -#}
{% macro repeated_rows(relation, columns, key, rules) %}
    {%- set texts = [] -%}
    {%- for column in columns if column.type -%}
        {%- do texts.append(column.name ~ ('_text' if column.read else '')) -%}
    {%- endfor -%}
    {%- set raw_key = [] -%}
    {%- for column in key -%}{%- do raw_key.append(read_text('raw.' ~ column)) -%}{%- endfor -%}
    {%- set within = key[:-1] or key -%}
    {%- set rows_of_repeated_keys %}
        (
            select raw.*
            from {{ relation }} as raw
            inner join (
                select {{ key_hash(within) }} as key_hash
                from ({{ trimmed_texts(relation, key) }} {{ evaluate_once() }}) as keys
                where {% for column in key -%} {{ column }} is not null {{ 'and ' if not loop.last }}{%- endfor %}
                group by 1
                having count(*) > 1 {%- if within != key %} and {{ has_repeated(key[-1]) }}{% endif %}
            ) as repeated
                on {{ key_hash(raw_key[:-1] or raw_key) }} = repeated.key_hash
            where {{ raw_key | join(' is not null and ') }} is not null
        ) as raw
    {%- endset %}
    select
        *,
        bool_and(is_sound) over statement and min(content) over statement = max(content) over statement as is_good,
        min(content) over statement <> max(content) over statement as is_contradictory,
        min(source_row_number) over statement as first_row_of_statement
    from (
        select
            cells.source_row_number,
            {% for column in key -%} cells.{{ column }}, {% endfor %}
            {{ 'loaded_files.batch_id' if lands() else '1 as batch_id' }},
            {{ content_of(prefixed('cells.', texts)) }} as content,
            {{ is_sound(rules) if lands() else 'true' }} as is_sound
        from ({{ read_cells(rows_of_repeated_keys, columns) }}) as cells
        {%- if lands() %}
        left join {{ nameable(source('landing', 'loaded_files')) }} as loaded_files on cells.file_id = loaded_files.file_id
        {%- endif %}
    ) as stated
    window statement as (partition by {{ key | join(', ') }}, batch_id)
{% endmacro %}

{#- Whether a row breaks none of the rules that look at it alone. -#}
{% macro is_sound(rules) -%}
    {%- for rule in rules if rule.of_row and rule.severity == 'error' -%}
        ({{ rule.predicate }}) is true and {{ ' ' }}
    {%- endfor -%}
    true
{%- endmacro %}

{#- Of a fact the first good statement stands for ever: its first row holds the key. Where no statement is good, equal rows
    are copies of the first one, and others contradict each other. -#}
{% macro repeated_facts(relation, columns, key, rules) %}
    select
        source_row_number,
        coalesce(source_row_number <> kept_row, false) as key_is_taken,
        coalesce(source_row_number <> kept_row and content = kept_content, false) as key_is_copy,
        kept_row is null or (source_row_number <> kept_row and content <> kept_content) as key_is_conflict,
        source_row_number = coalesce(kept_row, first_row) as speaks_for_key
    from (
        select
            *,
            max(case when source_row_number = kept_row then content end) over of_key as kept_content
        from (
            select
                *,
                min(source_row_number) over of_key as first_row,
                count(*) over of_key as rows_of_key,
                coalesce(
                    min(case when is_good then source_row_number end) over of_key,
                    case
                        when min(content) over of_key = max(content) over of_key
                            then min(source_row_number) over of_key
                    end
                ) as kept_row
            from ({{ repeated_rows(relation, columns, key, rules) }}) as stated
            window of_key as (partition by {{ key | join(', ') }})
        ) as kept
        window of_key as (partition by {{ key | join(', ') }})
    ) as compared
    where rows_of_key > 1
{% endmacro %}

{#- Of master data the latest good statement stands, as of the delivery since which it says the same. A row that is not
    current was replaced by a later delivery, or repeats what stands; of a key's rejects only the latest are current. -#}
{% macro repeated_masters(relation, columns, key, rules) %}
    select
        source_row_number,
        source_row_number = kept_row
        or (batch_id = last_batch and not (coalesce(kept_batch < last_batch, false) and is_good)) as is_current,
        coalesce(source_row_number <> kept_row, true)
        and not is_contradictory and source_row_number <> first_row_of_statement as key_is_copy,
        is_contradictory as key_is_conflict
    from (
        select
            *,
            max(case when source_row_number = kept_row then batch_id end) over of_key as kept_batch
        from (
            select
                *,
                min(case when is_good and content = good_content and source_row_number > other_row then source_row_number end)
                    over of_key as kept_row
            from (
                select
                    *,
                    coalesce(
                        max(case when is_good and content <> good_content then source_row_number end) over of_key, 0
                    ) as other_row
                from (
                    select
                        *,
                        max(batch_id) over of_key as last_batch,
                        max(case when source_row_number = good_row then content end) over of_key as good_content
                    from (
                        select
                            *,
                            max(case when is_good then source_row_number end) over of_key as good_row
                        from ({{ repeated_rows(relation, columns, key, rules) }}) as stated
                        window of_key as (partition by {{ key | join(', ') }})
                    ) as latest
                    window of_key as (partition by {{ key | join(', ') }})
                ) as good
                window of_key as (partition by {{ key | join(', ') }})
            ) as run
            window of_key as (partition by {{ key | join(', ') }})
        ) as kept
        window of_key as (partition by {{ key | join(', ') }})
    ) as compared
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


{#- Judges every row of a relation by the rules: its clean values, and the verdict.

    relation        a CTE with the columns the rules look at
    columns, key    of the table
    rules           the rule book, or the part of it that is judged here
    amount          SQL for the money a row is about, as read; none for a table without
    judged_before   the relation carries a verdict already: add to it
    also            names of other columns of the relation that later models ask for -#}
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
        -- a warning is for a row that stays: a rejected one is a matter of its errors
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

{#- The rules a row failed, in the order of the book, with ';' between them; an unknown predicate is a failed one. Most rows
    fail none, which is asked first because it costs less than to look for each label. -#}
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
    {%- set relation = rows_to_read(table, affected_masters(table) if amends()) -%}
{% if lands() -%}
-- depends_on: {{ ref('build_plan') }}
{%- endif %}

with

read_values as (

    {{ read_cells(relation ~ ' as raw', columns) }}

),

repeated as (

    {{ repeated_masters(relation, columns, [key], rules_of(table)) }}

),

rows_to_judge as (

    select
        read_values.*,
        repeated.key_is_copy,
        repeated.key_is_conflict
    from read_values
    left join repeated on read_values.source_row_number = repeated.source_row_number
    where coalesce(repeated.is_current, true)

),

final as (

    {{ judge('rows_to_judge', columns, [key], rules_of(table)) }}

)

select * from final
{% endmacro %}

{#- The judged rows of a master table whose keys new rows state, or that a later cut-off date may see otherwise. -#}
{% macro affected_masters(table) %}
    {%- set key = key_of(table)[0] %}
    select *
    from {{ this }}
    where
        {{ key }} in (
            select {{ read_text(key) }} from {{ raw_table(table) }}
            where source_row_number >= {{ new_rows_from(model.name) }}
        )
        {%- if table == 'customer_details' %}
        or {{ key }} in (
            select {{ key }} from {{ this }} where {{ has_label('warned_rules', "'last_purchase_date_in_future'") }}
        )
        {%- endif %}
{% endmacro %}
