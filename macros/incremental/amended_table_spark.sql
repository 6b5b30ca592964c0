{#- On Spark the table is rebuilt. -#}
{% materialization amended_table, adapter='spark' %}{{ return(retail.build_spark_table()) }}{% endmaterialization %}
