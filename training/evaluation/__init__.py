"""Evaluate models: metrics with intervals, operating points, comparisons and plots."""
