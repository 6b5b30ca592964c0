"""What only developers run: the documents, the strict parse and a Spark cluster."""
