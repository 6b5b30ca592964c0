{#- A number that equal keys share, and different ones only by chance: cheaper to group by than the texts of the key. -#}
{% macro key_hash(texts) %}{{ return(adapter.dispatch('key_hash', 'retail')(texts)) }}{% endmacro %}

{% macro postgres__key_hash(texts) %}
    {%- set hash = namespace(sql='0') -%}
    {%- for text in texts -%}
        {%- set hash.sql = 'hashtextextended(' ~ text ~ ', ' ~ hash.sql ~ ')' -%}
    {%- endfor -%}
    {{- return(hash.sql) -}}
{% endmacro %}

{#- Without the last bit, so that the number is a bigint; null where a part is, as in PostgreSQL. -#}
{% macro duckdb__key_hash(texts) %}
    {{- return(
        'case when ' ~ texts | join(' is not null and ') ~ ' is not null then cast(hash('
        ~ texts | join(', ') ~ ') >> 1 as bigint) end'
    ) -}}
{% endmacro %}

{% macro spark__key_hash(texts) %}
    {{- return(
        'case when ' ~ texts | join(' is not null and ') ~ ' is not null then xxhash64(' ~ texts | join(', ') ~ ') end'
    ) -}}
{% endmacro %}
