"""Drift statistics and alarms: compares inputs and scores with the bundle's reference. No I/O, no clock.

Floor 1 in docs/architecture.md.
"""
