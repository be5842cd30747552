"""Turn a fitted model into a bundle: export, parity check, reference profiles, manifest, and logging to MLflow."""
