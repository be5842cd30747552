"""Drift statistics and alarms (floor 1): compares inputs and scores with the bundle's reference. No I/O, no clock."""
