{#- Whether a text matches a regular expression. -#}
{% macro matches(text, pattern, ignore_case=false) %}
    {{- return(adapter.dispatch('matches', 'retail')(text, pattern, ignore_case)) -}}
{% endmacro %}

{% macro postgres__matches(text, pattern, ignore_case) %}
    {{- return(text ~ (' ~* ' if ignore_case else ' ~ ') ~ "'" ~ pattern ~ "'") -}}
{% endmacro %}

{% macro duckdb__matches(text, pattern, ignore_case) %}
    {{- return("regexp_matches(" ~ text ~ ", '" ~ pattern ~ "'" ~ (", 'i'" if ignore_case else '') ~ ')') -}}
{% endmacro %}

{#- A backslash in a text of Spark's SQL stands for itself only when it is doubled. -#}
{% macro spark__matches(text, pattern, ignore_case) %}
    {{- return(text ~ " rlike '" ~ ('(?i)' if ignore_case else '') ~ pattern | replace('\\', '\\\\') ~ "'") -}}
{% endmacro %}
