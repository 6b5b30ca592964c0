{#- The vars of the project: what each may be, and what it means. Their defaults are in dbt_project.yml. `setting` checks a var
    wherever it is read, and dbt reads all of them when it parses, so a wrong one ends the run before anything is built.

    kind     choice (of `choices`), integer or number (from `low` to `high`), boolean, day, share (one number, or a mapping of
             tables to numbers), severities (a mapping of rules to severities)
    meaning  in words, for the documentation -#}
{% macro settings() %}
    {{- return({
        'raw_layer': {
            'kind': 'choice', 'choices': ['seeds', 'landing'],
            'meaning': 'where rows come from: `seeds` (dbt seed) or `landing` (retail load)',
        },
        'data_cutoff_date': {
            'kind': 'day', 'otherwise': 'the day of the run (UTC)',
            'meaning': 'the last day that is not in the future; anything later is rejected',
        },
        'as_of_date': {
            'kind': 'day', 'otherwise': "the latest clean transaction's day",
            'meaning': '"today" for recency and At-Risk; if set, ledger, scores and segments see nothing dated later',
        },
        'total_tolerance': {
            'kind': 'number', 'low': 0, 'high': 1000000,
            'meaning': "how far a header's total may be from the sum of its lines, in currency units",
        },
        'loyalty_rule_policy': {
            'kind': 'choice', 'choices': ['best', 'highest_threshold', 'stack'],
            'meaning': 'which eligible rule gives a transaction its points: `best`, `highest_threshold` or `stack` (all of them)',
        },
        'high_spender_share': {
            'kind': 'number', 'low': 0, 'high': 1,
            'meaning': 'share of buyers, by money spent, that are High-Spenders; ties at the border are in',
        },
        'at_risk_days': {
            'kind': 'integer', 'low': 0, 'high': 36500,
            'meaning': 'days without a purchase from which a customer with points is At-Risk',
        },
        'rule_severity': {
            'kind': 'severities',
            'meaning': 'another severity (`error`, `warn`, `"off"`) for a rule, by its id: `{total_amount_mismatch: warn}`',
        },
        'allow_guest_transactions': {
            'kind': 'boolean',
            'meaning': 'whether a sale without a customer is clean; it earns no points',
        },
        'accept_returns': {
            'kind': 'boolean',
            'meaning': 'whether negative quantities and totals are clean; they take points back',
        },
        'warn_rejected_share': {
            'kind': 'share',
            'meaning': 'rejected share of a table, or overall, above which the build warns',
        },
        'max_rejected_share': {
            'kind': 'share',
            'meaning': 'the share above which it stops before any mart changes; `{default: 0.5, stores: 0.2}` sets a limit per table',
        },
        'rejected_share_min_rows': {
            'kind': 'integer', 'low': 0, 'high': 1000000000,
            'meaning': 'a table with fewer rows stops the build only if every row is rejected',
        },
        'build_lock_timeout': {
            'kind': 'integer', 'low': 0, 'high': 36000,
            'meaning': 'seconds that a build waits for another one that is still running',
        },
        'build_gone_after': {
            'kind': 'integer', 'low': 1, 'high': 3600,
            'meaning': 'seconds without a connection of its own after which a build counts as killed, so that the next one goes on',
        },
    }) -}}
{% endmacro %}

{#- What a var may be, in words. -#}
{% macro allowed_setting(spec) %}
    {%- if spec.kind == 'choice' -%}{{- return(spec.choices[:-1] | join(', ') ~ ' or ' ~ spec.choices[-1]) -}}
    {%- elif spec.kind == 'integer' -%}{{- return('a whole number from ' ~ spec.low ~ ' to ' ~ spec.high) -}}
    {%- elif spec.kind == 'number' -%}{{- return('a number from ' ~ spec.low ~ ' to ' ~ spec.high) -}}
    {%- elif spec.kind == 'boolean' -%}{{- return('true or false') -}}
    {%- elif spec.kind == 'day' -%}{{- return('a day, written as YYYY-MM-DD') -}}
    {%- elif spec.kind == 'share' -%}{{- return('a share from 0 to 1, or shares by table: {default: 0.5, stores: 0.2}') -}}
    {%- else -%}{{- return('severities by rule: {total_amount_mismatch: warn}') -}}
    {%- endif -%}
{% endmacro %}

{#- The value of a var, once it was checked. -#}
{% macro setting(name) %}
    {%- set spec, value = settings()[name], var(name) -%}
    {%- set is_number = value is number and value is not boolean -%}
    {%- if spec.kind == 'choice' -%}{%- set is_allowed = value is string and value in spec.choices -%}
    {%- elif spec.kind == 'integer' -%}{%- set is_allowed = is_number and value is integer and spec.low <= value <= spec.high -%}
    {%- elif spec.kind == 'number' -%}{%- set is_allowed = is_number and spec.low <= value <= spec.high -%}
    {%- elif spec.kind == 'boolean' -%}{%- set is_allowed = value is boolean -%}
    {%- elif spec.kind == 'day' -%}{%- set is_allowed = value is none or is_day(value | string) -%}
    {%- elif spec.kind == 'share' -%}{%- set is_allowed = is_number or value is mapping -%}
    {%- else -%}{%- set is_allowed = value is mapping -%}
    {%- endif -%}
    {%- if not is_allowed -%}
        {{- exceptions.raise_compiler_error('var ' ~ name ~ " is '" ~ value ~ "': use " ~ allowed_setting(spec)) -}}
    {%- endif -%}
    {{- return(value) -}}
{% endmacro %}

{#- Ends the run if --vars names a var that nothing reads: a misspelt one would change nothing, silently. -#}
{% macro require_known_settings() %}
    {%- set known = settings().keys() | list + ['customer_id'] -%}
    {%- for name in invocation_args_dict.get('vars') or {} if name not in known and ':' not in name -%}
        {{- exceptions.raise_compiler_error('there is no var ' ~ name ~ ': the vars are ' ~ known | join(', ')) -}}
    {%- endfor -%}
{% endmacro %}

{#- For `make docs`: prints what the documentation says of the vars. -#}
{% macro print_settings() %}
    {%- set described = {} -%}
    {%- for name, spec in settings().items() -%}
        {%- do described.update({name: dict(spec, default=var(name), allowed=allowed_setting(spec))}) -%}
    {%- endfor -%}
    {%- do print(tojson(described)) -%}
{% endmacro %}
