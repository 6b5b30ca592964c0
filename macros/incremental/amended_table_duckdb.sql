{#- An engine that can't amend a table builds it anew. -#}
{% materialization amended_table, adapter='duckdb' %}
    {{ return(materialization_table_duckdb()) }}
{% endmaterialization %}
