"""Render the manifests with `kubectl kustomize`, which needs no cluster."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from deploy.observe.installed import find, not_installed
from schemas.errors import FraudError

FOLDER = Path(__file__).parent
#: Names of the overlays, one for each environment.
OVERLAYS = ("staging", "production")
#: Oldest kubectl that renders the manifests; Debian 12 has an older one.
KUBECTL = "1.27"


def overlay(name: str, part: str = "") -> Path:
    """Return the folder of an environment, or of one part of it: shared, blue or green."""
    return FOLDER / "overlays" / name / part


def render(folder: Path) -> str:
    """Return the manifests that a folder with a kustomization describes, as YAML documents.

    Raises:
        FraudError: If kubectl is not installed, or cannot render the folder.
    """
    kubectl = find("kubectl")
    if kubectl is None:
        raise FraudError(not_installed("kubectl"))
    # S603: the folder is ours, and no shell reads it.
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1]
        raise FraudError(f"{folder} cannot be rendered: {reason}; fix it, or install kubectl {KUBECTL} or newer")
    return done.stdout


def resources(text: str) -> list[dict[str, Any]]:
    """Return the resources in rendered manifests."""
    return list(yaml.safe_load_all(text))
