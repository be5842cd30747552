"""`kubectl kustomize` renders the manifests; what goes wrong is one line that says what to do."""

from pathlib import Path

import pytest

from deploy.kubernetes import __main__ as program
from deploy.kubernetes import render as rendering
from deploy.kubernetes.render import FOLDER, OVERLAYS, overlay, render, resources
from deploy.observe import installed
from schemas.errors import FraudError
from tests.support.tool import tool


def test_every_overlay_is_rendered() -> None:
    """Each environment has a folder, and no folder is missing from the list."""
    assert {each.name for each in (FOLDER / "overlays").iterdir()} == set(OVERLAYS)
    assert overlay("staging", "blue") == FOLDER / "overlays" / "staging" / "blue"


def test_a_missing_kubectl_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without kubectl, the error says which package to install."""
    monkeypatch.setattr(rendering, "find", lambda _: None)
    with pytest.raises(FraudError, match=r"^kubectl is not installed; run apt-get install kubernetes-client$"):
        render(overlay("staging"))
    assert installed.PACKAGES["kubectl"] == "kubernetes-client"


def test_a_folder_that_cannot_be_rendered_is_explained(tmp_path: Path) -> None:
    """The error quotes kubectl, and names the oldest version that renders the manifests."""
    tool("kubectl")
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]\n", encoding="utf-8")
    with pytest.raises(FraudError, match=r"cannot be rendered: .*missing\.yaml.*; fix it, or install kubectl 1\.27"):
        render(tmp_path)


def test_make_manifests_writes_every_overlay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One file for each environment, and a line that says how many resources have been checked."""
    tool("kubectl")
    monkeypatch.chdir(tmp_path)
    assert program.main() == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in printed] == [f"var/manifests/{name}.yaml" for name in OVERLAYS]
    assert all(resources((tmp_path / "var" / "manifests" / f"{name}.yaml").read_text("utf-8")) for name in OVERLAYS)


def test_make_manifests_fails_on_an_invalid_resource(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 1, and the line names the resource, the version and the field."""
    monkeypatch.chdir(tmp_path)
    text = 'apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { ports: [{ port: "80" }] }\n'
    monkeypatch.setattr(program, "render", lambda _: text)
    assert program.main() == 1
    assert "manifests: Service web, Kubernetes 1.31: spec.ports.0.port: " in capsys.readouterr().err


def test_make_manifests_reports_a_missing_kubectl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing program is one line, without a traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rendering, "find", lambda _: None)
    assert program.main() == 1
    assert capsys.readouterr().err.startswith("manifests: kubectl is not installed")
