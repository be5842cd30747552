"""Run Checkov. It has no rules for compose files; tests/deploy/test_compose.py has the project's."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from deploy.security.programs import run_json


class Failed(NamedTuple):
    """A check of Checkov's that failed."""

    rule: str
    name: str
    #: File, relative to the checked folder.
    file: str
    #: Resource within the file, such as Deployment.fraud.http.
    resource: str


def checkov(framework: str, folder: Path) -> Iterator[Failed]:
    """Yield the checks that fail in a folder.

    Args:
        framework: Kind of files, such as dockerfile or kubernetes.
        folder: Folder with the files.
    """
    # Without this option, Checkov would download its publisher's guidelines.
    report = run_json(
        "checkov", "--skip-download", "--quiet", "--compact", "--output", "json",
        "--framework", framework, "--directory", folder, folder=folder, accepted=(0, 1),
    )  # fmt: skip
    # Without any file of the kind, the report is only a summary.
    for failed in report.get("results", {}).get("failed_checks", ()):
        yield Failed(failed["check_id"], failed["check_name"], failed["file_path"].lstrip("/"), failed["resource"])
