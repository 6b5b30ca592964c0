{#- The var rule_severity as a mapping of rule ids (<rule> or <table>.<rule>) to error, warn or off. -#}
{% macro wanted_severities() %}
    {%- set severities = {} -%}
    {%- for id, value in setting('rule_severity').items() -%}
        {#- YAML reads an unquoted off as false -#}
        {%- do severities.update({id: 'off' if value is sameas false else value}) -%}
    {%- endfor -%}
    {{- return(severities) -}}
{% endmacro %}

{#- The severity that the var wants for a rule, or its usual one. -#}
{% macro wanted_severity(wanted, table, rule_id, usual) %}
    {{- return(wanted.get(table ~ '.' ~ rule_id, wanted.get(rule_id, usual))) -}}
{% endmacro %}

{#- The rule book of a table: its rules, with the severities that the var rule_severity wants. -#}
{% macro rule_book(table, rules) %}
    {%- set wanted = wanted_severities() -%}
    {%- if not wanted -%}{{- return(rules) -}}{%- endif -%}
    {%- set result = [] -%}
    {%- for rule in rules -%}
        {%- set severity = wanted_severity(wanted, table, rule.id, rule.severity) -%}
        {%- if rule.kept_for and severity != rule.severity and not (rule.severity == 'warn' and severity == 'off') -%}
            {{- exceptions.raise_compiler_error(
                "var rule_severity: rule " ~ rule.id ~ " of " ~ table ~ " can't be '" ~ severity ~ "', because it "
                ~ "protects " ~ rule.kept_for ~ (
                    '' if table ~ '.' ~ rule.id in wanted else '; write <table>.' ~ rule.id ~ ' if another table is meant'
                )
            ) -}}
        {%- endif -%}
        {%- do result.append(dict(rule, severity=severity)) -%}
    {%- endfor -%}
    {{- return(result) -}}
{% endmacro %}

{#- Ends the run if the var rule_severity names a rule that no book has.

    books  table: its rule book -#}
{% macro require_known_rules(books) %}
    {%- set known = [] -%}
    {%- for table, rules in books.items() -%}
        {%- for rule in rules -%}{%- do known.extend([rule.id, table ~ '.' ~ rule.id]) -%}{%- endfor -%}
    {%- endfor -%}
    {%- set unknown = wanted_severities().keys() | reject('in', known) | list -%}
    {%- if unknown -%}
        {{- exceptions.raise_compiler_error(
            "var rule_severity names " ~ unknown | join(', ') ~ ", and there is no such rule: `retail rules` and "
            ~ "docs/rule_book.md list them; write <rule> or <table>.<rule>"
        ) -}}
    {%- endif -%}
{% endmacro %}

{#- Whether a rule book rejects a row that breaks this rule. -#}
{% macro rejects(rules, rule_id) %}
    {{- return((rules | selectattr('id', 'equalto', rule_id) | first).severity == 'error') -}}
{% endmacro %}
