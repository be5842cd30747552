"""Shared by the worker and the HTTP edge, which both decide: roles in use, counts, drift and traces (floor 4)."""
