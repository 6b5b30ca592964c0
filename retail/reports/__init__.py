"""The results of the last build: `retail summary` and `retail rules`."""
