"""Tests of studies, on small generated data and with real SQLite behind Optuna and MLflow."""
