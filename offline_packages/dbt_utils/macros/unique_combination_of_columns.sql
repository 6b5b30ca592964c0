{#- Combinations that more than one row has; two nulls count as the same. -#}
{% test unique_combination_of_columns(model, combination_of_columns, quote_columns=false) %}
    {%- set names = [] -%}
    {%- for column in combination_of_columns -%}
        {%- do names.append(adapter.quote(column) if quote_columns else column) -%}
    {%- endfor %}
    select {{ names | join(", ") }}
    from {{ model }}
    group by {{ names | join(", ") }}
    having count(*) > 1
{% endtest %}
