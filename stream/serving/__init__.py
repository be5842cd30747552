"""What the worker and the HTTP edge share, as both make decisions: roles in use, counts, drift and traces.

This package belongs to floor 4 of the import order in docs/architecture.md.
"""
