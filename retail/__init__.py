"""The Python side of the retail dbt project: the embedded server, packages, file loading, sample data, reports."""
