"""MLflow runs, the registered model with its cards, and the roles of its versions."""
