-- All deliveries are read here; the checked table holds only what stands now.
{%- set columns = loyalty_rules_columns() %}
{%- if lands() and can_amend() -%}{%- do ref('build_plan') -%}{%- endif %}
{%- set cells -%}
    select
        source_row_number,
        {{ raw_file_id() }} as file_id,
        {{ columns | map(attribute='name') | join(',\n        ') }}
    from {{ raw_table('loyalty_rules') }}
{%- endset %}

with

files as (

    select distinct
        file_id,
        batch_id
    from ({{ input_files() }}) as input_files

),

unreadable_lines as (

    {{ input_unreadable_lines() }}

),

read_values as (

    {{ read_cells(cells, columns) }}

),

stated_rows as (

    select
        read_values.source_row_number,
        files.batch_id,
        {%- for column in columns %}
        {{ 'read_values.rule_id' if column.name == 'rule_id' else column.clean ~ ' as ' ~ column.name }},
        {%- endfor %}
        {{ content_of(text_names(columns)) }} as content,
        {{ is_sound(loyalty_rules_rules()) }} as is_sound
    from read_values
    inner join files on read_values.file_id = files.file_id

),

statements as (

    select
        rule_id,
        batch_id,
        min(source_row_number) as source_row_number,
        min(content) as content,
        bool_and(is_sound) and min(content) = max(content) as is_good
    from stated_rows
    where rule_id is not null
    group by rule_id, batch_id

),

rules as (

    select distinct rule_id from statements
    where is_good

),

-- the rules of a delivery are all the rules there are, if any of them is valid
deliveries as (

    select batch_id
    from statements
    group by batch_id
    having bool_or(is_good)

),

-- a row without a readable rule_id may be the one that seems to be left out
doubtful_deliveries as (

    select batch_id
    from stated_rows
    where rule_id is null
    union
    select files.batch_id
    from unreadable_lines
    inner join files on unreadable_lines.file_id = files.file_id
    where unreadable_lines.source_table = 'loyalty_rules'

),

-- what a delivery says of a rule: its content, or that it has ended; a faulty row says nothing, and the rule goes on
said as (

    select
        rules.rule_id,
        deliveries.batch_id,
        case when statements.is_good then statements.source_row_number end as source_row_number,
        case when statements.is_good then statements.content end as content,
        coalesce(statements.is_good, doubtful_deliveries.batch_id is null) as says_something
    from rules
    cross join deliveries
    left join statements
        on
            rules.rule_id = statements.rule_id
            and deliveries.batch_id = statements.batch_id
    left join doubtful_deliveries on deliveries.batch_id = doubtful_deliveries.batch_id

),

numbered as (

    select
        *,
        max(case when says_something then batch_id end) over (
            partition by rule_id
            order by batch_id
            rows between unbounded preceding and current row
        ) as said_in_batch
    from said

),

in_force as (

    select
        numbered.rule_id,
        numbered.batch_id,
        said.source_row_number,
        said.content,
        lag(said.content) over (
            partition by numbered.rule_id
            order by numbered.batch_id
        ) as content_before
    from numbered
    left join said
        on
            numbered.rule_id = said.rule_id
            and numbered.said_in_batch = said.batch_id

),

periods as (

    select
        source_row_number,
        batch_id as valid_from_batch,
        lead(batch_id) over (
            partition by rule_id
            order by batch_id
        ) - 1 as valid_through_batch
    from in_force
    where content is distinct from content_before

),

final as (

    select
        {{ prefixed('stated_rows.', columns | map(attribute='name')) | join(',\n        ') }},
        periods.valid_from_batch,
        periods.valid_through_batch
    from periods
    inner join stated_rows on periods.source_row_number = stated_rows.source_row_number

)

select * from final
