{#- What must hold of a value. Each predicate is true or false, never unknown: a value that another rule judges
    (a missing one, an unreadable one) passes here, and says so with the coalesce. -#}

{% macro is_present(column) %}{{ return(column ~ ' is not null') }}{% endmacro %}

{% macro is_readable(column) %}
    {{- return(column ~ '_text is null or ' ~ column ~ '_read is not null') -}}
{% endmacro %}

{% macro is_at_least(value, bound) %}
    {{- return('coalesce(' ~ value ~ ' >= ' ~ bound ~ ', true)') -}}
{% endmacro %}

{% macro is_at_most(value, bound) %}
    {{- return('coalesce(' ~ value ~ ' <= ' ~ bound ~ ', true)') -}}
{% endmacro %}

{% macro is_above_zero(value) %}{{ return('coalesce(' ~ value ~ ' > 0, true)') }}{% endmacro %}

{% macro is_not_zero(value) %}{{ return('coalesce(' ~ value ~ ' <> 0, true)') }}{% endmacro %}

{% macro is_between(value, low, high) %}
    {{- return('coalesce(' ~ value ~ ' between ' ~ low ~ ' and ' ~ high ~ ', true)') -}}
{% endmacro %}

{% macro is_no_longer_than(text, max_length) %}
    {{- return('coalesce(length(' ~ text ~ ') <= ' ~ max_length ~ ', true)') -}}
{% endmacro %}

{% macro is_unrounded(column, scale) %}
    {{- return('coalesce(' ~ has_no_more_decimals(column, scale) ~ ', true)') -}}
{% endmacro %}

{#- the whole of the cut-off day is still allowed -#}
{% macro is_not_in_future(value) %}
    {{- return('coalesce(cast(' ~ value ~ ' as date) <= ' ~ data_cutoff_date() ~ ', true)') -}}
{% endmacro %}

{% macro is_email(text) %}
    {#- white space is ASCII's here too: what an engine's class of it holds is its own affair -#}
    {%- set part = '[^@ \\t\\n\\r\\f\\x0B]+' -%}
    {{- return('coalesce(' ~ matches(text, '^' ~ part ~ '@' ~ part ~ '[.]' ~ part ~ '$') ~ ', true)') -}}
{% endmacro %}

{% macro names_no_season(text) %}
    {%- set words = [
        'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday', 'weekdays?', 'weekends?',
        'spring', 'summer', 'autumn', 'fall', 'winter', 'season', 'seasonal', 'holidays?', 'christmas', 'easter'
    ] -%}
    {%- set pattern = '(^|[^a-zA-Z0-9])(' ~ words | join('|') ~ ')($|[^a-zA-Z0-9])' -%}
    {{- return('coalesce(not ' ~ matches(text, pattern, ignore_case=true) ~ ', true)') -}}
{% endmacro %}

{#- a key stands once: it has no other content, and no copy of it was kept -#}
{% macro is_no_conflict() %}{{ return('coalesce(not key_is_conflict, true)') }}{% endmacro %}

{% macro is_first_copy() %}{{ return('coalesce(not key_is_copy, true)') }}{% endmacro %}

{#- a foreign key names a parent; and that parent was not rejected -#}
{% macro is_known(column) %}
    {{- return(column ~ ' is null or ' ~ column ~ '_parent_is_valid is not null') -}}
{% endmacro %}

{% macro has_valid_parent(column) %}
    {{- return('coalesce(' ~ column ~ '_parent_is_valid, true)') -}}
{% endmacro %}
