"""Drift statistics and alarms (floor 1): inputs and scores against the reference of the bundle. No I/O, no clock."""
