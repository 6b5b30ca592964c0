{#- The limit that a var sets for a share of rejected rows: one number for all, or a mapping of tables, of overall and of
    default to numbers. The limits are the vars warn_rejected_share, max_rejected_share, rejected_share_min_rows. -#}
{% macro share_limit(name, scope) %}
    {%- set value = setting(name) -%}
    {%- set limits = value if value is mapping else {'default': value} -%}
    {{- return(limits.get(scope, limits.get('default'))) -}}
{% endmacro %}

{#- Post-hook of the model circuit_breaker: says what it found, and ends the build where a limit is exceeded. -#}
{% macro trip_circuit_breaker() %}
    {%- if execute -%}
        {%- set tripped = [] -%}
        {%- for row in run_query('select * from ' ~ this ~ " where verdict <> 'ok' order by scope").rows -%}
            {%- set is_tripped = row['verdict'] == 'tripped' -%}
            {%- set limit = row['max_rejected_share'] if is_tripped else row['warn_rejected_share'] -%}
            {%- set said -%}
                {{ row['scope'] }}: {{ row['rows_rejected'] }} of {{ row['rows_in'] }} rows were rejected (
                {{- '%.1f' | format(row['rejected_share'] * 100) }} %, {{ 'at most' if is_tripped else 'a warning above' }}{{ ' ' }}
                {{- '%.1f' | format(limit * 100) }} %), mostly for {{ row['top_rules'] }}
            {%- endset -%}
            {%- if is_tripped -%}{%- do tripped.append(said) -%}{%- else -%}{%- do log('warning: ' ~ said, info=true) -%}{%- endif -%}
        {%- endfor -%}
        {%- if tripped -%}
            {{- exceptions.raise_compiler_error(
                'Too much was rejected, so the marts stay as the last good build left them.\n' ~ tripped | join('\n')
                ~ '\nRead ' ~ ref('rejected_records') ~ ', repair the input and build again; or, if this is how the data '
                ~ 'are, raise the var max_rejected_share.'
            ) -}}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
