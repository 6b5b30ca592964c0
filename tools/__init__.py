"""What only developers run: the documents, the strict parse, the project evaluator and a Spark cluster."""
