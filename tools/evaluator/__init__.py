"""dbt-project-evaluator, and what is answered of its warnings."""
