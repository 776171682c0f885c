"""Benchmarks: what Assent does a second, beside yardsticks taken in the same run. `make bench`, or `python -m benchmarks`."""
