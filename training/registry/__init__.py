"""MLflow runs and the registered model, bundles, cards, and who was promoted when."""
