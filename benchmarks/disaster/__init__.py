"""Drills: what is lost, and how long recovery takes, after a loss of data or of a machine.

`python -m benchmarks.disaster` runs every drill on a broker of its own and prints one JSON object.
"""
