"""The wheel that `pip install` builds: complete, typed and licensed; both commands know its version."""

import importlib.metadata
import subprocess
import sys
import tomllib
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest

from deploy.wheel import build

PACKAGES = ("schemas", "stream", "training")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `make wheel` builds."""
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    """Its content."""
    return zipfile.ZipFile(built)


def test_the_same_commit_gives_the_same_wheel(built: Path, tmp_path: Path) -> None:
    """Anyone can build a released wheel again and compare the hashes."""
    assert build(tmp_path).read_bytes() == built.read_bytes()


def test_the_wheel_contains_every_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    """No module, template, page or schema is missing, and each package is marked as typed (PEP 561)."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()]
    expected = {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    assert {f"{package}/py.typed" for package in PACKAGES} <= expected
    assert expected - set(wheel.namelist()) == set()


def test_the_wheel_states_its_licence_and_commands(wheel: zipfile.ZipFile) -> None:
    """The metadata have the licence with its text, the description, and both commands."""
    (info,) = {name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    metadata = BytesParser().parsebytes(wheel.read(f"{info}/METADATA"))
    assert metadata["License-Expression"] == "MIT"
    assert b"MIT License" in wheel.read(f"{info}/licenses/LICENSE")
    assert metadata["Description-Content-Type"] == "text/markdown"
    scripts = wheel.read(f"{info}/entry_points.txt").decode()
    assert "fraud-stream = stream.cli:main" in scripts
    assert "fraud-train = training.cli:main" in scripts


@pytest.mark.parametrize(("module", "program"), [("stream.cli", "fraud-stream"), ("training.cli", "fraud-train")])
def test_commands_print_their_version(module: str, program: str) -> None:
    """`--version` prints the installed version, which is the one in pyproject.toml."""
    command = [sys.executable, "-m", module, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert done.stdout.split() == [program, project["version"]]
    assert importlib.metadata.version("fraud-stream") == project["version"]
