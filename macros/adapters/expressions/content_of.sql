{#- One text that two rows share only if all the given texts are equal, nulls included. -#}
{% macro content_of(texts) %}{{ return(adapter.dispatch('content_of', 'retail')(texts)) }}{% endmacro %}

{% macro postgres__content_of(texts) %}
    {{- return(by_code_point('cast(jsonb_build_array(' ~ texts | join(', ') ~ ') as text)')) -}}
{% endmacro %}

{% macro duckdb__content_of(texts) %}
    {{- return('cast(json_array(' ~ texts | join(', ') ~ ') as varchar)') -}}
{% endmacro %}

{% macro spark__content_of(texts) %}{{ return('to_json(array(' ~ texts | join(', ') ~ '))') }}{% endmacro %}
