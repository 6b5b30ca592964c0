{#- A JSON object from a mapping of names to SQL expressions. -#}
{% macro json_object(members) %}{{ return(adapter.dispatch('json_object', 'retail')(members)) }}{% endmacro %}

{% macro postgres__json_object(members) %}
    {%- set pairs = [] -%}
    {%- for name, expression in members.items() -%}
        {%- do pairs.append("'" ~ name ~ "', " ~ expression) -%}
    {%- endfor -%}
    {{- return('jsonb_build_object(' ~ pairs | join(', ') ~ ')') -}}
{% endmacro %}

{#- DuckDB keeps the text of a JSON value as it is written. It is written as PostgreSQL would show it, shorter names first, because
    the ids of rejects are made of it. -#}
{% macro duckdb__json_object(members) %}
    {%- set names = [] -%}
    {%- for name in members -%}{%- do names.append([name | length, name]) -%}{%- endfor -%}
    {%- set pairs = [] -%}
    {%- for _, name in names | sort -%}
        {%- do pairs.append("'\"" ~ name ~ "\": ' || coalesce(cast(to_json(" ~ members[name] ~ ") as varchar), 'null')") -%}
    {%- endfor -%}
    {{- return("cast('{' || " ~ pairs | join(" || ', ' || ") ~ " || '}' as json)") -}}
{% endmacro %}

{#- A Spark string, written in the same way; an array of one value, without its brackets, is that value. -#}
{% macro spark__json_object(members) %}
    {%- set names = [] -%}
    {%- for name in members -%}{%- do names.append([name | length, name]) -%}{%- endfor -%}
    {%- set pairs = [] -%}
    {%- for _, name in names | sort -%}
        {%- do pairs.append("'\"" ~ name ~ "\": ' || trim(both '[]' from to_json(array(" ~ members[name] ~ ")))") -%}
    {%- endfor -%}
    {{- return("'{' || " ~ pairs | join(" || ', ' || ") ~ " || '}'") -}}
{% endmacro %}
