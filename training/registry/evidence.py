"""Keep the evidence for a promotion: a URL, or a file that is copied into the version's run."""

import hashlib
from pathlib import Path

from schemas.errors import RegistryError
from training.registry.runs import MlflowRuns

FOLDER = "evidence"


def keep_evidence(source: str, run_id: str, runs: MlflowRuns) -> str:
    """Return the location of evidence: a URL unchanged, or `runs:/<run>/evidence/<hash>/<name>` for a local file.

    A file is copied into the run, into a folder named by a prefix of the file's SHA-256, so later changes to the file
    do not affect the evidence.

    Args:
        source: URL or path of the evidence.
        run_id: Id of the version's run.
        runs: Runs in MLflow.

    Raises:
        RegistryError: If a local file cannot be read, or MLflow is unavailable or rejects the request.
    """
    if "://" in source:
        return source
    file = Path(source)
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise RegistryError(f"evidence {source} cannot be read ({error.strerror}); give a file or a URL") from error
    folder = f"{FOLDER}/{digest}"
    runs.add(run_id, file, folder)
    return f"runs:/{run_id}/{folder}/{file.name}"
