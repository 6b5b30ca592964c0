{#- The first 32 bits of a text's md5 as a whole number from 0 to 4294967295: the same on every engine. -#}
{% macro md5_number(text) %}{{ return(adapter.dispatch('md5_number', 'retail')(text)) }}{% endmacro %}

{% macro postgres__md5_number(text) %}
    {{- return("cast(cast('x' || substr(md5(" ~ text ~ "), 1, 8) as bit(32)) as bigint)") -}}
{% endmacro %}

{% macro duckdb__md5_number(text) %}
    {{- return("cast('0x' || substr(md5(" ~ text ~ '), 1, 8) as bigint)') -}}
{% endmacro %}

{% macro spark__md5_number(text) %}
    {{- return('cast(conv(substr(md5(' ~ text ~ '), 1, 8), 16, 10) as bigint)') -}}
{% endmacro %}
