"""Check that a bundle passes the audit by which workers accept it."""

from pathlib import Path

from schemas.errors import BundleError
from stream.models.bundle import LoadedModel, audit
from training.validation.check import CheckResult, judged


def check_audit(directory: Path, sha256: str) -> tuple[CheckResult, LoadedModel | None]:
    """Audit a bundle with the stream's own code: hashes, format, names, shapes, dtypes and parity rows.

    Args:
        directory: Local copy of the bundle.
        sha256: Expected hash of the manifest.

    Returns:
        The result, and the model; None if the bundle does not pass.
    """
    try:
        model = audit(directory, sha256)
    except BundleError as error:
        return judged("audit", [str(error)], ""), None
    files = len(model.manifest.files) + 1
    return judged("audit", [], f"hashes of {files} files, format, names, shapes and types agree"), model
