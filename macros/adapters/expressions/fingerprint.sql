{#- Aggregate: a number that, but for chance, is the same only for the same set of rows, in whatever order. -#}
{% macro fingerprint(relation) %}{{ return(adapter.dispatch('fingerprint', 'retail')(relation)) }}{% endmacro %}

{% macro postgres__fingerprint(relation) %}
    {{- return('sum(hashtextextended(cast(' ~ relation ~ ' as text), 0))') -}}
{% endmacro %}

{% macro duckdb__fingerprint(relation) %}
    {{- return('cast(sum(hash(' ~ relation ~ ')) as decimal(38, 0))') -}}
{% endmacro %}

{#- The sum of half of each hash: there is room for two thousand million rows. -#}
{% macro spark__fingerprint(relation) %}
    {{- return('sum(shiftright(xxhash64(struct(' ~ relation ~ '.*)), 32))') -}}
{% endmacro %}
