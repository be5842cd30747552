"""Benchmark of the worker's throughput, latency and memory against other pipelines: `python -m benchmarks.pipeline`."""
