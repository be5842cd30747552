"""Evaluate models: metrics with intervals, operating points, comparisons, plots."""
