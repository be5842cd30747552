"""Drift statistics and alarms: compares inputs and scores with the bundle's reference. No I/O, no clock.

This package belongs to floor 1 of the import order in docs/architecture.md.
"""
