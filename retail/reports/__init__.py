"""What the last build made of the data: `retail summary` and `retail rules`."""
