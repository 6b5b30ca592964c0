"""The documentation: what is drawn and written from the project itself, so that it can't say anything else."""
