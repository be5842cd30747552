"""A model of the availability over 30 days, from measured durations and assumed rates of faults.

`python -m benchmarks.availability --out docs` writes docs/availability.md. The inputs are in faults.yaml.
"""
