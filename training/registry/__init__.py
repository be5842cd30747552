"""MLflow runs, the registered model with its model cards, and the roles of its versions."""
