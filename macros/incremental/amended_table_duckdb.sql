{#- On DuckDB the table is rebuilt. -#}
{% materialization amended_table, adapter='duckdb' %}{{ return(replace_duckdb_relation('table')) }}{% endmaterialization %}
