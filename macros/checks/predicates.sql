{#- What must hold of a value. A predicate is true or false, never unknown: a value that another rule judges (a missing or
    unreadable one) passes here, by the coalesce. -#}

{#- the text is not missing -#}
{% macro is_present(column) %}{{ return(column ~ ' is not null') }}{% endmacro %}

{#- the cell is blank or spells a value -#}
{% macro is_readable(column) %}
    {{- return(column ~ '_text is null or ' ~ column ~ '_read is not null') -}}
{% endmacro %}

{#- a bound that is included -#}
{% macro is_at_least(value, bound) %}
    {{- return('coalesce(' ~ value ~ ' >= ' ~ bound ~ ', true)') -}}
{% endmacro %}

{#- a bound that is included, from above -#}
{% macro is_at_most(value, bound) %}
    {{- return('coalesce(' ~ value ~ ' <= ' ~ bound ~ ', true)') -}}
{% endmacro %}

{#- a bound that is excluded -#}
{% macro is_above_zero(value) %}{{ return('coalesce(' ~ value ~ ' > 0, true)') }}{% endmacro %}

{#- 0 is not allowed -#}
{% macro is_not_zero(value) %}{{ return('coalesce(' ~ value ~ ' <> 0, true)') }}{% endmacro %}

{#- two bounds that are included -#}
{% macro is_between(value, low, high) %}
    {{- return('coalesce(' ~ value ~ ' between ' ~ low ~ ' and ' ~ high ~ ', true)') -}}
{% endmacro %}

{#- at most so many characters -#}
{% macro is_no_longer_than(text, max_length) %}
    {{- return('coalesce(length(' ~ text ~ ') <= ' ~ max_length ~ ', true)') -}}
{% endmacro %}

{#- no more decimal places than the clean type has -#}
{% macro is_unrounded(column, scale) %}
    {{- return('coalesce(' ~ has_no_more_decimals(column, scale) ~ ', true)') -}}
{% endmacro %}

{#- the whole of the cut-off day is still allowed -#}
{% macro is_not_in_future(value) %}
    {{- return('coalesce(cast(' ~ value ~ ' as date) <= ' ~ data_cutoff_date() ~ ', true)') -}}
{% endmacro %}

{#- looks like an address: something@something.something -#}
{% macro is_email(text) %}
    {#- white space is ASCII's here too, because the engines' own classes differ -#}
    {%- set part = '[^@ \\t\\n\\r\\f\\x0B]+' -%}
    {{- return('coalesce(' ~ matches(text, '^' ~ part ~ '@' ~ part ~ '[.]' ~ part ~ '$') ~ ', true)') -}}
{% endmacro %}

{#- names no weekday and no season, as a word of its own -#}
{% macro names_no_season(text) %}
    {%- set words = [
        'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday', 'weekdays?', 'weekends?',
        'spring', 'summer', 'autumn', 'fall', 'winter', 'season', 'seasonal', 'holidays?', 'christmas', 'easter'
    ] -%}
    {%- set pattern = '(^|[^a-zA-Z0-9])(' ~ words | join('|') ~ ')($|[^a-zA-Z0-9])' -%}
    {{- return('coalesce(not ' ~ matches(text, pattern, ignore_case=true) ~ ', true)') -}}
{% endmacro %}

{#- no other content has this key -#}
{% macro is_no_conflict() %}{{ return('coalesce(not key_is_conflict, true)') }}{% endmacro %}

{#- no copy of the row was kept -#}
{% macro is_first_copy() %}{{ return('coalesce(not key_is_copy, true)') }}{% endmacro %}
