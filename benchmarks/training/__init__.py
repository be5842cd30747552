"""Benchmark of the training steps: `python -m benchmarks.training`."""
