{#- On DuckDB the table is rebuilt. -#}
{% materialization amended_table, adapter='duckdb' %}
    {{ return(materialization_table_duckdb()) }}
{% endmaterialization %}
