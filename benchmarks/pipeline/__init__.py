"""The worker's throughput, latency and memory beside other pipelines: `python -m benchmarks.pipeline`."""
