"""`retail load`: CSV files go into the landing tables of an engine."""
