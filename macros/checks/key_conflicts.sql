{#- The raw rows whose key occurs more than once (and by hash collision a few others), with what they state and in which
    delivery. A key with a blank part is no key. A statement is the rows of one key in one delivery; it is good if the rows
    are equal and each breaks none of the rules that look at the row alone.

    rows          SQL that selects raw rows
    columns, key  of the table
    rules         the rule book, or the part of it that looks at single rows
    lasting       SQL that gives the value of a row that later deliveries don't replace, as own_value
    claimed       a text column that a later delivery may fill in: its text as own_value, the content without it as
                  content_before_claim
    large_groups  whether many rows share all parts of the key but the last one, so that it says little that one of them occurs
                  twice -#}
{% macro stated_rows(rows, columns, key, rules, lasting=none, claimed=none, large_groups=false) %}
    {%- set raw_key = [] -%}
    {%- for column in key -%}{%- do raw_key.append(read_text('raw_rows.' ~ column)) -%}{%- endfor -%}
    {%- set parts = key | length if large_groups else [key | length - 1, 1] | max -%}
    {%- set within = key[:parts] -%}
    {%- set texts_before_claim = [] -%}
    {%- for name in text_names(columns) -%}
        {%- do texts_before_claim.append('cells.' ~ name if name != claimed else 'cast(null as ' ~ sql_type('text') ~ ')') -%}
    {%- endfor -%}
    {%- set rows_of_repeated_keys %}
            select raw_rows.*
            from ({{ rows }}) as raw_rows
            inner join (
                select {{ key_hash(within) }} as key_hash
                from (
                    select
                        {%- for column in key %}
                        {{ read_text(column) }} as {{ column }} {{- ',' if not loop.last }}
                        {%- endfor %}
                    from ({{ rows }}) as raw_keys
                    {{ evaluate_once() }}
                ) as keys
                where {% for column in key -%} {{ column }} is not null {{ 'and ' if not loop.last }}{%- endfor %}
                group by 1
                having count(*) > 1 {%- if within != key %} and {{ has_repeated(key[-1]) }}{% endif %}
            ) as repeated
                on {{ key_hash(raw_key[:parts]) }} = repeated.key_hash
            where {{ raw_key | join(' is not null and ') }} is not null
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
            -- rows of no loaded file, inserted by hand, are one delivery, the last
            coalesce(files.batch_id, 2147483647) as batch_id,
            {%- if lasting %}
            {{ lasting }} as own_value,
            {%- endif %}
            {%- if claimed %}
            cells.{{ claimed }} as own_value,
            {{ content_of(texts_before_claim) }} as content_before_claim,
            {%- endif %}
            {{ content_of(prefixed('cells.', text_names(columns))) }} as content,
            {{ is_sound(rules) }} as is_sound
        from ({{ read_cells(rows_of_repeated_keys, columns) }}) as cells
        left join (
            select distinct
                file_id,
                batch_id
            from ({{ input_files() }}) as input_files
        ) as files on cells.file_id = files.file_id
    ) as rows_of_keys
    window statement as (partition by {{ key | join(', ') }}, batch_id)
{% endmacro %}

{#- Whether a row breaks none of the rules that look at it alone. -#}
{% macro is_sound(rules) -%}
    {%- for rule in rules if rule.of_row and rule.severity == 'error' -%}
        ({{ rule.predicate }}) is true and {{ ' ' }}
    {%- endfor -%}
    true
{%- endmacro %}

{#- Key conflicts of facts. The first good statement of a key stands for ever; its first row holds the key. Where no statement
    is good, equal rows are copies of the first one, and different rows contradict each other.

    claimed  a column that a later good statement may fill in where the key's is blank, once; the row that holds the key gets
             the value as claimed_<column>
    large_groups  as in stated_rows -#}
{% macro key_conflicts_of_facts(rows, columns, key, rules, claimed=none, large_groups=false) %}
    {%- set kept %}
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
            from ({{ stated_rows(rows, columns, key, rules, claimed=claimed, large_groups=large_groups) }}) as stated
            window of_key as (partition by {{ key | join(', ') }})
        ) as kept
        window of_key as (partition by {{ key | join(', ') }})
    {%- endset %}
    {%- set claims %}
        select
            *,
            max(case when source_row_number = claiming_row then own_value end) over of_key as claimed_value
        from (
            select
                *,
                min(
                    case
                        when is_good and own_value is not null and content_before_claim = kept_content then source_row_number
                    end
                ) over of_key as claiming_row
            from ({{ kept }}) as kept_rows
            window of_key as (partition by {{ key | join(', ') }})
        ) as claiming
        window of_key as (partition by {{ key | join(', ') }})
    {%- endset %}
    select
        source_row_number,
        coalesce(source_row_number <> kept_row, false) as key_is_taken,
        coalesce(source_row_number <> kept_row and says_the_same, false) as key_is_copy,
        kept_row is null or (source_row_number <> kept_row and not says_the_same) as key_is_conflict,
        source_row_number = coalesce(kept_row, first_row) as speaks_for_key
        {%- if claimed %},
        case when source_row_number = kept_row then claimed_value end as claimed_{{ claimed }}
        {%- endif %}
    from (
        select
            *,
            content = kept_content
            {%- if claimed %}
            or coalesce(content_before_claim = kept_content and own_value = claimed_value, false)
            {%- endif %} as says_the_same
        from ({{ claims if claimed else kept }}) as statements
    ) as compared
    where rows_of_key > 1
{% endmacro %}

{#- Key conflicts of master data. The latest good statement of a key stands, as of the first delivery since which it says the
    same. A row that is not current was replaced by a later delivery, or repeats what stands; of a key's rejects only the
    latest are current. The first good statement that has a lasting value gives it to all rows of the key. -#}
{% macro key_conflicts_of_masters(rows, columns, key, rules, lasting=none) %}
    select
        source_row_number,
        {%- if lasting %}
        lasting_value,
        {%- endif %}
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
                        {%- if lasting %}
                        max(case when source_row_number = lasting_row then own_value end) over of_key as lasting_value,
                        {%- endif %}
                        max(batch_id) over of_key as last_batch,
                        max(case when source_row_number = good_row then content end) over of_key as good_content
                    from (
                        select
                            *,
                            {%- if lasting %}
                            min(case when is_good and own_value is not null then source_row_number end)
                                over of_key as lasting_row,
                            {%- endif %}
                            max(case when is_good then source_row_number end) over of_key as good_row
                        from ({{ stated_rows(rows, columns, key, rules, lasting) }}) as stated
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
