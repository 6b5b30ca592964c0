{#- Aggregate: a number that, but for chance, is the same only for the same set of texts, in whatever order. -#}
{% macro fingerprint(text) %}{{ return(adapter.dispatch('fingerprint', 'retail')(text)) }}{% endmacro %}

{% macro postgres__fingerprint(text) %}{{ return('sum(hashtextextended(' ~ text ~ ', 0))') }}{% endmacro %}
