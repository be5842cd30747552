"""What a promotion rests on: a URL as it is, or a file kept beside the version's model."""

import hashlib
from pathlib import Path

from schemas.errors import RegistryError
from training.registry.runs import MlflowRuns

FOLDER = "evidence"


def keep_evidence(given: str, run_id: str, runs: MlflowRuns) -> str:
    """Return where the evidence is: a URL as given, a local file as `runs:/<run>/evidence/<hash>/<name>`.

    A file is copied into the run under a part of its SHA-256, so one that changes later is another piece of evidence.

    Raises:
        RegistryError: If the file cannot be read, or MLflow is away or refuses.
    """
    if "://" in given:
        return given
    file = Path(given)
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise RegistryError(f"evidence {given} cannot be read ({error.strerror}); give a file or a URL") from error
    folder = f"{FOLDER}/{digest}"
    runs.add(run_id, file, folder)
    return f"runs:/{run_id}/{folder}/{file.name}"
