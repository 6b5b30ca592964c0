-- a warning that dbt's last line counts: the shares above which a build warns are a var
{{ config(severity='warn') }}

select
    scope,
    rows_in,
    rows_rejected,
    rejected_share,
    warn_rejected_share,
    top_rules
from {{ ref('circuit_breaker') }}
where verdict = 'warned'
