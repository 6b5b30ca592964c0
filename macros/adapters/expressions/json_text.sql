{#- The text of a member of a JSON object. -#}
{% macro json_text(object, member) %}{{ return(adapter.dispatch('json_text', 'retail')(object, member)) }}{% endmacro %}

{% macro default__json_text(object, member) %}{{ return('(' ~ object ~ " ->> '" ~ member ~ "')") }}{% endmacro %}

{% macro spark__json_text(object, member) %}{{ return('get_json_object(' ~ object ~ ", '$." ~ member ~ "')") }}{% endmacro %}
