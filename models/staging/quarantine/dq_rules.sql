-- The planner has to know how few rules there are: they are joined to every reject.
{{ config(meta={'analyze': true}) }}

-- The rule books as rows, so that a reason can be looked up and a rule that no row failed is listed too.
{%- do require_settings() %}
{%- set books = {} %}
{%- for table in checked_tables() %}{% do books.update({table: rules_of(table)}) %}{% endfor %}
{%- do require_known_rules(books) %}
{%- set of_file_lines = file_line_rules() %}
{% for table, rules in books.items() %}
{%- set outer = loop %}
{%- for rule in rules + of_file_lines %}
select
    '{{ table }}' as source_table,
    {{ loop.index }} as rule_number,
    '{{ rule.id }}' as rule_id,
    '{{ rule.columns | join(', ') }}' as column_names,
    '{{ rule.severity }}' as severity,
    '{{ rule.message }}' as message,
    {{ 'true' if rule.caused_by else 'false' }} as is_cascade,
    {{ "'" ~ rule.kept_for ~ "'" if rule.kept_for else 'cast(null as ' ~ sql_type('text') ~ ')' }} as kept_for
{{ 'union all' if not (loop.last and outer.last) }}
{%- endfor %}
{%- endfor %}
