"""Evaluation of models: figures with intervals, operating points, comparisons, plots."""
