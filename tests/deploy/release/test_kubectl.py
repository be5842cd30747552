"""Calls of kubectl that fail: each is one error with the reason. Scripts stand in for kubectl."""

import time
from pathlib import Path

import pytest

from deploy.release import kubectl as kubectl_module
from deploy.release.errors import ReleaseError
from deploy.release.kubectl import Kubectl


def _stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Kubectl:
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return Kubectl("any")


def test_kubectl_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error names the package."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReleaseError, match="kubectl is not installed; run apt-get install kubernetes-client"):
        Kubectl("any").run("get", "pods")


def test_kubectl_takes_too_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An API server that does not respond ends the step after the timeout."""
    kubectl = _stand_in(tmp_path, monkeypatch, "exec sleep 30")
    monkeypatch.setattr(kubectl_module, "CALL_S", 0.2)
    began_s = time.monotonic()
    with pytest.raises(ReleaseError, match=r"kubectl get pods takes more than 0.2 s; does the API server respond\?"):
        kubectl.run("get", "pods")
    assert time.monotonic() - began_s < 10


def test_kubectl_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The last line of its output is the reason; without one, the exit code is."""
    kubectl = _stand_in(tmp_path, monkeypatch, "echo a warning >&2; echo Error from server: no >&2; exit 1")
    with pytest.raises(ReleaseError, match=r"^kubectl get pods failed: Error from server: no$"):
        kubectl.run("get", "pods")
    kubectl = _stand_in(tmp_path, monkeypatch, "exit 4")
    with pytest.raises(ReleaseError, match="exit code 4"):
        kubectl.run("get", "pods")


def test_arguments_and_input_reach_kubectl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every call names the namespace; nothing passes through a shell."""
    kubectl = _stand_in(tmp_path, monkeypatch, 'echo "$@"; cat')
    assert kubectl.run("apply", "$(id)", stdin="text") == "--namespace any apply $(id)\ntext"


def test_nothing_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The output is empty for a resource that does not exist, and JSON for one that does."""
    assert _stand_in(tmp_path, monkeypatch, "exit 0").get("pods") is None
    assert _stand_in(tmp_path, monkeypatch, 'echo \'{"kind": "Pod"}\'').get("pod/a") == {"kind": "Pod"}
