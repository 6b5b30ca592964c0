{#- A text in the order of its code points, whatever the database's locale. -#}
{% macro by_code_point(text) %}{{ return(adapter.dispatch('by_code_point', 'retail')(text)) }}{% endmacro %}

{% macro postgres__by_code_point(text) %}{{ return('(' ~ text ~ ') collate "C"') }}{% endmacro %}

{#- DuckDB and Spark sort by bytes, and UTF-8 keeps the order of the code points. -#}
{% macro default__by_code_point(text) %}{{ return(text) }}{% endmacro %}
