"""The engines: which one is in use, how to connect to it, and the embedded PostgreSQL."""
