"""From a fitted model to a bundle: export, parity, reference profiles, manifest, and the log in MLflow."""
