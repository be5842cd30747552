"""What a model is worth: figures with intervals, operating points, comparisons, plots."""
