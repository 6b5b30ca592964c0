{#- The vars of the project: what each may be, and what it means. Their defaults are in dbt_project.yml. All are checked when dbt
    parses, so a wrong one ends the run before anything is built.

    kind     choice (of `choices`), integer or number (from `low` to `high`), boolean, day, share (one number, or a mapping of
             tables to numbers), share_by_day (one number, or a mapping of days to numbers), severities (a mapping of rules to
             severities)
    otherwise  what null means; without it, null is not allowed
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
        'points_expire_after_months': {
            'kind': 'integer', 'low': 0, 'high': 1200, 'otherwise': 'never',
            'meaning': 'points expire at the end of the month that comes so many months after they were earned',
        },
        'opening_points_earned_on': {
            'kind': 'day', 'otherwise': 'unknown: opening balances never expire',
            'meaning': 'the day on which the points of opening balances count as earned',
        },
        'clawback_opening_points': {
            'kind': 'boolean',
            'meaning': 'whether a return may take points of the opening balance, where earned points do not cover it',
        },
        'loyalty_rules_apply': {
            'kind': 'choice', 'choices': ['as_delivered', 'latest'],
            'meaning': 'which loyalty rules a transaction earns under: those in force when its header was delivered '
            ~ '(`as_delivered`), or always the latest ones, which recomputes all points (`latest`)',
        },
        'point_price': {
            'kind': 'number', 'low': 0, 'high': 1000000, 'otherwise': 'not set',
            'meaning': 'stand-alone selling price of a point that is redeemed, in currency units; only `points_deferral` reads it',
        },
        'expected_redemption_share': {
            'kind': 'share_by_day', 'otherwise': 'not set',
            'meaning': 'share of the points that is expected to be redeemed, from the month of a day on; only `points_deferral` '
            ~ 'reads it',
        },
        'price_share_decimals': {
            'kind': 'integer', 'low': 0, 'high': 18, 'otherwise': 'not rounded',
            'meaning': "decimals of the points' share of a sale's price in `points_deferral`: 2 rounds to whole percents",
        },
        'tier_basis': {
            'kind': 'choice', 'choices': ['balance', 'earned_12_months'],
            'meaning': 'which points count for a tier: the `balance`, or those of the purchases of the twelve months up to the as-of '
            ~ 'date, less what their returns take back (`earned_12_months`)',
        },
        'high_spender_share': {
            'kind': 'number', 'low': 0, 'high': 1,
            'meaning': 'share of buyers, by money spent, that are High-Spenders; ties at the border are in',
        },
        'at_risk_days': {
            'kind': 'integer', 'low': 0, 'high': 36500,
            'meaning': 'days without a purchase from which a customer with points is At-Risk',
        },
        'campaign_min_buyers': {
            'kind': 'integer', 'low': 2, 'high': 1000000,
            'meaning': 'buyers that both groups of a campaign need before anything is said about money per customer',
        },
        'at_risk_basis': {
            'kind': 'choice', 'choices': ['days', 'rhythm'],
            'meaning': "what At-Risk goes by: `days` (`at_risk_days`), or `rhythm` (`at_risk_rhythm` times the customer's own "
            ~ 'typical gap between purchases; by days where there is none)',
        },
        'at_risk_rhythm': {
            'kind': 'number', 'low': 1, 'high': 1000,
            'meaning': 'by `rhythm`, how many typical gaps without a purchase a customer with points must exceed to be At-Risk',
        },
        'at_risk_rhythm_min_days': {
            'kind': 'integer', 'low': 0, 'high': 36500,
            'meaning': 'by `rhythm`, the fewest days without a purchase, however short the typical gap is',
        },
        'new_customer_days': {
            'kind': 'integer', 'low': 0, 'high': 36500,
            'meaning': 'how many days ago at most the first purchase of a new customer was',
        },
        'promotion_min_baseline_days': {
            'kind': 'integer', 'low': 14, 'high': 56,
            'meaning': 'days without a promotion that a promotion needs to be compared with',
        },
        'promotion_min_days': {
            'kind': 'integer', 'low': 2, 'high': 365,
            'meaning': 'days of its own that a promotion needs before it is judged',
        },
        'promotion_min_units': {
            'kind': 'integer', 'low': 1, 'high': 1000000,
            'meaning': 'units that a promotion needs on its own days, and on those that it is compared with',
        },
        'affinity_prior_lines': {
            'kind': 'number', 'low': 0, 'high': 1000000,
            'meaning': "lines of the usual mix that are added to a customer's own, so that few lines show no affinity",
        },
        'favourite_min_affinity': {
            'kind': 'number', 'low': 1, 'high': 1000000,
            'meaning': 'affinity from which a category is a favourite of the customer',
        },
        'favourite_min_lines': {
            'kind': 'integer', 'low': 1, 'high': 1000000,
            'meaning': 'lines of a category that a customer needs before it is a favourite',
        },
        'offer_days_ahead': {
            'kind': 'integer', 'low': 0, 'high': 36500,
            'meaning': 'days before its start from which a promotion is offered',
        },
        'stock_cover_days': {
            'kind': 'integer', 'low': 1, 'high': 36500,
            'meaning': 'last days whose sales say how long the stock lasts',
        },
        'top_products': {
            'kind': 'integer', 'low': 1, 'high': 100,
            'meaning': 'products that are ranked by their revenue on those days',
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
    {%- elif spec.kind == 'share_by_day' -%}
        {{- return("a share from 0 to 1, or shares by day: {'2025-01-01': 0.95, '2026-01-01': 0.97}") -}}
    {%- elif spec.kind == 'share' -%}
        {{- return('a share from 0 to 1, or shares of tables, of overall and of default: {default: 0.5, stores: 0.2}') -}}
    {%- else -%}{{- return('error, warn or "off" by rule: {total_amount_mismatch: warn}') -}}
    {%- endif -%}
{% endmacro %}

{#- Whether a var may have this value. -#}
{% macro is_allowed_setting(spec, value) %}
    {%- set is_number = value is number and value is not boolean -%}
    {%- if spec.kind == 'choice' -%}{{- return(value is string and value in spec.choices) -}}
    {%- elif spec.kind == 'integer' -%}{{- return(
            (value is none and spec.otherwise is defined)
            or (is_number and value is integer and spec.low <= value <= spec.high)
        ) -}}
    {%- elif spec.kind == 'number' -%}{{- return(
            (value is none and spec.otherwise is defined) or (is_number and spec.low <= value <= spec.high)
        ) -}}
    {%- elif spec.kind == 'boolean' -%}{{- return(value is boolean) -}}
    {%- elif spec.kind == 'day' -%}{{- return(value is none or is_day(value | string)) -}}
    {%- elif spec.kind == 'share_by_day' -%}
        {%- set shares = value if value is mapping else {} if value is none else {'2025-01-01': value} -%}
        {%- for day, share in shares.items() -%}
            {%- if not is_day(day | string) or share is boolean or share is not number or not 0 <= share <= 1 -%}
                {{- return(false) -}}
            {%- endif -%}
        {%- endfor -%}
        {{- return(value is none or shares | length > 0) -}}
    {%- elif spec.kind == 'share' -%}
        {%- set scopes, limits = checked_tables() + ['overall'], value if value is mapping else {'default': value} -%}
        {%- set asked = [] -%}
        {%- for scope in scopes -%}{%- do asked.append(limits.get(scope, limits.get('default'))) -%}{%- endfor -%}
        {%- for share in asked + limits.values() | list if share is boolean or share is not number or not 0 <= share <= 1 -%}
            {{- return(false) -}}
        {%- endfor -%}
        {{- return(limits.keys() | reject('in', scopes + ['default']) | list == []) -}}
    {%- else -%}
        {%- for severity in (value.values() if value is mapping else []) -%}
            {#- YAML reads an unquoted off as false; 0 would equal it -#}
            {%- if severity is not sameas false and severity not in ['error', 'warn', 'off'] -%}{{- return(false) -}}{%- endif -%}
        {%- endfor -%}
        {{- return(value is mapping) -}}
    {%- endif -%}
{% endmacro %}

{#- What is wrong with a value of a var, in one line; none if it is allowed. -#}
{% macro setting_error(name, value) %}
    {%- set spec = settings()[name] -%}
    {%- if not is_allowed_setting(spec, value) -%}
        {%- set shown = 'null' if value is none else (value | string).split() | join(' ') | truncate(100) -%}
        {{- return('var ' ~ name ~ " is '" ~ shown ~ "': use " ~ allowed_setting(spec)) -}}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}

{#- The value of a var, once it was checked. -#}
{% macro setting(name) %}
    {%- set error = setting_error(name, var(name)) -%}
    {%- if error -%}{{- exceptions.raise_compiler_error(error) -}}{%- endif -%}
    {{- return(var(name)) -}}
{% endmacro %}

{#- The names among these vars that nothing reads. A package's own vars stand below its name, or have it before a colon.

    told  a mapping, as in dbt_project.yml or --vars -#}
{% macro unknown_vars(told) %}
    {%- set unknown = [] -%}
    {%- for name, value in told.items() -%}
        {%- if name == 'retail' and value is mapping -%}
            {%- do unknown.extend(unknown_vars(value)) -%}
        {%- elif name not in settings() and name != 'customer_id' and ':' not in name | string
            and not (value is mapping and (name | string).startswith('dbt_')) -%}
            {%- do unknown.append(name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(unknown) -}}
{% endmacro %}

{#- Ends the run, when dbt parses, if any var has a wrong value, or if --vars or dbt_project.yml names one that nothing reads: a
    misspelt var would change nothing, silently. -#}
{% macro require_settings() %}
    {%- do require_environment() -%}
    {%- for name in settings() -%}{%- do setting(name) -%}{%- endfor -%}
    {%- set configured = adapter.config.vars.to_dict() -%}
    {%- set places = {
        '--vars': invocation_args_dict.get('vars') or {},
        'dbt_project.yml': configured if project_name == 'retail' else configured.get('retail', {}),
    } -%}
    {%- for place, told in places.items() -%}
        {%- for name in unknown_vars(told) -%}
            {{- exceptions.raise_compiler_error(
                place ~ ': there is no var ' ~ name ~ ': the vars are ' ~ settings().keys() | join(', ') ~ ', customer_id'
            ) -}}
        {%- endfor -%}
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
