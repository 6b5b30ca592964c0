{#- What some pieces of a line are worth, in currency units with two decimals: half a cent is rounded up. Computed in whole numbers,
    because a quotient has no end.

    amount    of the line, not below 0
    pieces    how many of them
    quantity  of the line, above 0 -#}
{% macro worth_of_pieces(amount, pieces, quantity) %}
    {{- return(adapter.dispatch('worth_of_pieces', 'retail')(amount, pieces, quantity)) -}}
{% endmacro %}

{% macro postgres__worth_of_pieces(amount, pieces, quantity) %}
    {{- return(
        'div(200 * ' ~ amount ~ ' * (' ~ pieces ~ ') + (' ~ quantity ~ '), 2 * (' ~ quantity ~ ')) * 0.01'
    ) -}}
{% endmacro %}

{% macro duckdb__worth_of_pieces(amount, pieces, quantity) %}
    {%- set cents = 'cast(200 * ' ~ amount ~ ' as hugeint)' -%}
    {{- return(
        'cast((' ~ cents ~ ' * (' ~ pieces ~ ') + (' ~ quantity ~ ')) // (2 * (' ~ quantity ~ ')) as decimal(18, 0)) * 0.01'
    ) -}}
{% endmacro %}

{% macro spark__worth_of_pieces(amount, pieces, quantity) %}
    {%- set cents = 'cast(200 * ' ~ amount ~ ' as decimal(18, 0))' -%}
    {{- return(
        'cast((' ~ cents ~ ' * cast(' ~ pieces ~ ' as decimal(18, 0)) + (' ~ quantity ~ ')) div (2 * (' ~ quantity ~ '))'
        ~ ' as decimal(18, 0)) * 0.01'
    ) -}}
{% endmacro %}
