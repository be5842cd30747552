"""Evidence for a promotion: a URL, or a file that is kept in the version's run."""

import hashlib
from pathlib import Path

from schemas.errors import RegistryError
from training.registry.runs import MlflowRuns

FOLDER = "evidence"


def keep_evidence(source: str, run_id: str, runs: MlflowRuns) -> str:
    """Return the location of evidence: a URL as it is, a local file as `runs:/<run>/evidence/<hash>/<name>`.

    A file is copied into the run under a prefix of its SHA-256, so a file that changes later is other evidence.

    Args:
        source: URL, or path of a local file.
        run_id: Id of the version's run.
        runs: Runs of MLflow.

    Raises:
        RegistryError: If the file cannot be read, or MLflow is unavailable or rejects the request.
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
