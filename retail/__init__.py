"""What SQL cannot do for the retail dbt project: the embedded server, packages, file loading, sample data."""
