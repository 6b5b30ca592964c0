{#- Aggregate: whether a group may have a text twice. By chance it says so where none is, never the other way round. -#}
{% macro has_repeated(text) %}{{ return(adapter.dispatch('has_repeated', 'retail')(text)) }}{% endmacro %}

{#- Each text sets one of 64 bits, twice by other bits of its hash: fewer bits than rows. Cheaper than a group for each text. -#}
{% macro postgres__has_repeated(text) %}
    {%- set hash = key_hash([text]) -%}
    {%- set sets = [] -%}
    {%- for part in [hash, hash ~ ' >> 32'] -%}
        {%- set bits = 'bit_or(cast(1 as bigint) << cast(' ~ part ~ ' & 63 as integer))' -%}
        {%- do sets.append('count(*) > bit_count(cast(' ~ bits ~ ' as bit(64)))') -%}
    {%- endfor -%}
    {{- return(sets | join(' and ')) -}}
{% endmacro %}

{% macro duckdb__has_repeated(text) %}{{ return('count(' ~ text ~ ') > count(distinct ' ~ text ~ ')') }}{% endmacro %}

{#- As in PostgreSQL: a task hands on two numbers a group, not its texts. -#}
{% macro spark__has_repeated(text) %}
    {%- set hash = key_hash([text]) -%}
    {%- set sets = [] -%}
    {%- for part in [hash, 'shiftright(' ~ hash ~ ', 32)'] -%}
        {%- do sets.append('count(*) > bit_count(bit_or(shiftleft(1L, cast(' ~ part ~ ' & 63 as int))))') -%}
    {%- endfor -%}
    {{- return(sets | join(' and ')) -}}
{% endmacro %}
