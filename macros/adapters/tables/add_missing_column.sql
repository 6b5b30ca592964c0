{#- A statement for a pre-hook that gives a table of an earlier version a column. `dbt clone` leaves a view, which needs none. -#}
{% macro add_missing_column(relation, column, type) %}
    {%- set existing = load_cached_relation(relation) if execute -%}
    {%- if existing and existing.is_table -%}
        {{- return(adapter.dispatch('add_missing_column', 'retail')(relation, column, type)) -}}
    {%- endif -%}
{% endmacro %}

{% macro default__add_missing_column(relation, column, type) %}
    {{- return('alter table ' ~ relation ~ ' add column if not exists ' ~ column ~ ' ' ~ type) -}}
{% endmacro %}

{#- No earlier version built anything on Spark. -#}
{% macro spark__add_missing_column(relation, column, type) %}{{ return('') }}{% endmacro %}
