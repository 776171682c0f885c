"""The benchmark set W1 to W5, by real HTTP on either store: `python -m benchmarks.workloads` (benchmarks/README.md)."""
