"""Bills of materials: complete, valid, and the same for the same input."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from deploy.security import sbom
from deploy.security.locks import Package
from schemas.errors import FraudError

#: The validator runs in .venv-security, which a unit run need not have.
pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
PACKAGES = [
    Package("mlflow", "3.14", ("a" * 64,), frozenset({sbom.OURS})),
    Package("numpy", "2.5.5", ("b" * 64, "c" * 64), frozenset({"mlflow", "scipy"})),
    Package("scipy", "1.16", ("d" * 64,), frozenset({"mlflow", "not-installed-here"})),
    Package("setuptools", "84", ("e" * 64,), frozenset()),
]
LICENCES = {"mlflow": "Apache-2.0", "numpy": "BSD License", "scipy": "UNKNOWN"}


def _bill(root: dict[str, Any] | None = None) -> dict[str, Any]:
    return sbom.bill(root, sbom.package_component("fraud-stream", "0.1.0", "MIT"), PACKAGES, LICENCES)


@pytest.mark.parametrize("root", [None, sbom.image("fraud-stream-training", "0.1.0")])
def test_a_bill_is_valid_cyclonedx(root: dict[str, Any] | None) -> None:
    """The schema that its validator uses comes with the CycloneDX library."""
    assert '"bomFormat": "CycloneDX"' in sbom.checked(_bill(root))


def test_an_invalid_bill_is_an_error() -> None:
    """The validation can fail: the schema knows no such type."""
    bom = _bill()
    bom["metadata"]["component"]["type"] = "wheel"
    with pytest.raises(FraudError, match="python exited with 1"):
        sbom.checked(bom)


def test_components_have_versions_licences_and_files() -> None:
    """A licence expression is one; other words are a name; an unknown licence is left out."""
    components = {each["name"]: each for each in _bill()["components"]}
    assert components["numpy"]["purl"] == "pkg:pypi/numpy@2.5.5"
    hashes = [each["content"] for each in components["numpy"]["externalReferences"][0]["hashes"]]
    assert hashes == ["b" * 64, "c" * 64]
    assert components["mlflow"]["licenses"] == [{"expression": "Apache-2.0"}]
    assert components["numpy"]["licenses"] == [{"license": {"name": "BSD License"}}]
    assert "licenses" not in components["scipy"]


def test_dependencies_are_those_of_the_lock_file() -> None:
    """The image contains our package, which requires the others; a package without a requirer belongs to the image."""
    edges = {each["ref"]: each["dependsOn"] for each in _bill(sbom.image("image", "0.1.0"))["dependencies"]}
    assert edges["image"] == ["pkg:pypi/fraud-stream@0.1.0", "pkg:pypi/setuptools@84"]
    assert edges["pkg:pypi/fraud-stream@0.1.0"] == ["pkg:pypi/mlflow@3.14"]
    assert edges["pkg:pypi/mlflow@3.14"] == ["pkg:pypi/numpy@2.5.5", "pkg:pypi/scipy@1.16"]
    assert edges["pkg:pypi/numpy@2.5.5"] == []


def test_the_serial_number_is_that_of_the_content() -> None:
    """Equal content has an equal number; other content has another."""
    assert _bill()["serialNumber"] == _bill()["serialNumber"]
    assert _bill()["serialNumber"] != _bill(sbom.image("image", "0.1.0"))["serialNumber"]


def test_the_wheels_packages_are_what_it_requires() -> None:
    """Requirements of requirements count; other packages of the lock file do not."""
    assert [each.name for each in sbom.closure({"scipy"}, PACKAGES)] == ["numpy", "scipy"]


def test_the_projects_bills_are_reproducible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two runs write the same bytes, for both images and the wheel, with every locked package."""
    monkeypatch.setattr(sbom, "WHEELS", tmp_path)
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version is not None
    (tmp_path / f"fraud_stream-{version[1]}-py3-none-any.whl").write_bytes(b"wheel")
    written: list[dict[str, bytes]] = []
    for run in ("first", "second"):
        monkeypatch.setattr(sbom, "ROOT", tmp_path)
        shutil.copytree(ROOT / "requirements", tmp_path / "requirements", dirs_exist_ok=True)
        shutil.copy(ROOT / "pyproject.toml", tmp_path)
        monkeypatch.setattr(sbom, "OUT", tmp_path / run)
        monkeypatch.setattr(sbom, "installed_licences", lambda _: {"numpy": "MIT"})
        sbom.main()
        written.append({path.name: path.read_bytes() for path in (tmp_path / run).iterdir()})
    assert written[0] == written[1]
    assert len(written[0]) == 3
    assert re.search(r"fraud-stream-serving\.cdx\.json: [5-9]\d components", capsys.readouterr().out)
