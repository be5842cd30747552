"""Shared by the worker and the HTTP edge, which both make decisions: roles in use, counts, drift, traces (floor 4)."""
