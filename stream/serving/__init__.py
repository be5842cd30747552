"""What every deciding program shares, the worker and the HTTP edge: roles in use, counts, drift, traces (floor 4)."""
