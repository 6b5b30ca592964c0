{#- What the rules of a table promise of a clean column: `expression`, as in `line_item_amount >= 0`, holds wherever the
    column is not null. It is only asked while every one of the rules rejects: the var rule_severity may relax them. -#}
{% test kept_by_rules(model, column_name, table, rules, expression) %}
    {%- set relaxed = [] -%}
    {%- set wanted = wanted_severities() -%}
    {%- for rule in rules if wanted_severity(wanted, table, rule, 'error') != 'error' -%}
        {%- do relaxed.append(rule) -%}
    {%- endfor %}
select {{ column_name }}
from {{ model }}
where {{ 'false' if relaxed else 'not (' ~ column_name ~ ' ' ~ expression ~ ')' }}
{% endtest %}
