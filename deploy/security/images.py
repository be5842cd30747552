"""Hadolint and Checkov on the Dockerfiles."""

from collections.abc import Iterator
from pathlib import Path

from deploy.security.checkov import checkov
from deploy.security.findings import Finding
from deploy.security.programs import run_json

FOLDER = Path("deploy") / "docker"


def image_findings(root: Path) -> Iterator[Finding]:
    """Yield what is wrong with the Dockerfiles under a repository's root."""
    files = sorted(path.relative_to(root) for path in (root / FOLDER).glob("*.Dockerfile"))
    for result in run_json("hadolint", "--no-fail", "--format", "json", *files, folder=root):
        yield Finding(result["code"], result["file"], f"line {result['line']}: {result['message']}")
    for failed in checkov("dockerfile", root / FOLDER):
        yield Finding(failed.rule, str(FOLDER / failed.file), failed.name)
