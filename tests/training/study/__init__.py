"""Studies on small made-up data, with real SQLite behind Optuna and MLflow."""
