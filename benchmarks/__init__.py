"""Benchmarks: this project against other ways to do its work (`make bench`)."""
