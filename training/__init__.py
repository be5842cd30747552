"""Train, evaluate, register and retrain models offline. The `stream` package never imports this package."""

import os

# ONNX Runtime sends usage data unless this is set before its first import, which may be MLflow's.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# MLflow reads these on its first import: no telemetry, no progress bars that interfere with ours, no warning if git is
# not installed, and an error after seconds instead of minutes if a server is unavailable.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
