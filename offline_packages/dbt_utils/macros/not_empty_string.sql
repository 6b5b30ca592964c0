{#- Rows whose text is empty, or, unless told otherwise, only blanks. -#}
{% test not_empty_string(model, column_name, trim_whitespace=true) %}
    select *
    from {{ model }}
    where {{ "trim(" ~ column_name ~ ")" if trim_whitespace else column_name }} = ''
{% endtest %}
