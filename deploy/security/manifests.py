"""Checkov on the Kubernetes manifests, as they are applied: rendered, for production."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from deploy.kubernetes.render import render
from deploy.security.checkov import checkov
from deploy.security.findings import Finding

OVERLAY = Path("deploy") / "kubernetes" / "overlays" / "production"


def manifest_findings(root: Path) -> Iterator[Finding]:
    """Yield what is wrong with the manifests under a repository's root.

    Raises:
        FraudError: If kubectl is not installed, or cannot render them.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "production.yaml").write_text(render(root / OVERLAY), encoding="utf-8")
        for failed in checkov("kubernetes", Path(folder)):
            yield Finding(failed.rule, failed.resource, failed.name)
