"""Studies: compare model families and treatments by cross-validation over time, and choose the best entry."""
