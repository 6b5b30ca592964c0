{#- What a line of a file must be to become a row. `retail load` judges it, file by file; dbt seed refuses such a file. -#}
{% macro file_line_rules() %}
    {%- set kept_for = 'the table from broken lines' -%}
    {{- return([
        rule('line_too_few_fields', [], 'true', 'the line has fewer fields than the header', kept_for=kept_for),
        rule('line_too_many_fields', [], 'true', 'the line has more fields than the header', kept_for=kept_for),
        rule('line_quote_invalid', [], 'true', 'a quoted cell of the line does not end properly', kept_for=kept_for),
        rule('line_encoding_invalid', [], 'true', 'the line holds bytes that are not UTF-8 text', kept_for=kept_for),
        rule('line_too_long', [], 'true', 'the line is longer than any row', kept_for=kept_for),
    ]) -}}
{% endmacro %}
