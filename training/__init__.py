"""Training (the annex): data, models, export, registry, publishing. `stream` never imports it."""

import os

# MLflow reads these when it is first imported: no telemetry, no progress bars of its own over ours, and no
# complaint where git is not installed. A server that is away is given up after seconds instead of minutes.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
