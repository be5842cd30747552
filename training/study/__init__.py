"""Compare model families and treatments of class imbalance by cross-validation over time, and choose the best."""
