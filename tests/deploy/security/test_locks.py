"""Reading lock files."""

import re
from pathlib import Path

import pytest

from deploy.security.locks import IMAGE, Package, locked
from tests.deploy.compose import DOCKERFILES

HASHES = ("a" * 64, "b" * 64)
LOCK = f"""\
alembic==1.20.1 \\
    --hash=sha256:{HASHES[0]} \\
    --hash=sha256:{HASHES[1]}
    # via mlflow, -c requirements/dev.txt, fraud-stream (pyproject.toml)
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:{HASHES[0]}
    # via onnxruntime
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:{HASHES[1]}
    # via onnxruntime
psycopg[binary]==3.3.9 \\
    --hash=sha256:{HASHES[0]}
    # via -r requirements/training.in
pywin32==312 ; sys_platform == 'win32' \\
    --hash=sha256:{HASHES[0]}
    # via mlflow
"""


def _lock(folder: Path, text: str) -> Path:
    path = folder / "serving.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_packages_are_those_of_the_images_platform(tmp_path: Path) -> None:
    """Versions for other platforms are left out; files of requirements are no packages that require others."""
    assert list(locked(_lock(tmp_path, LOCK))) == [
        Package("alembic", "1.20.1", HASHES, frozenset({"mlflow", "fraud-stream (pyproject.toml)"})),
        Package("numpy", "2.5.5", HASHES[1:], frozenset({"onnxruntime"})),
        Package("psycopg", "3.3.9", HASHES[:1], frozenset()),
    ]


def test_another_environment_has_other_packages(tmp_path: Path) -> None:
    """Environment markers are evaluated with the given values."""
    old = {"python_full_version": "3.11.9", "sys_platform": "win32"}
    versions = {each.name: each.version for each in locked(_lock(tmp_path, LOCK), old)}
    assert versions == {"alembic": "1.20.1", "numpy": "2.4.6", "psycopg": "3.3.9", "pywin32": "312"}


@pytest.mark.parametrize("line", ["alembic>=1.20", "-e .", "alembic @ file:///tmp/alembic"])
def test_a_line_that_is_not_locked_is_an_error(line: str, tmp_path: Path) -> None:
    """A package without an exact version must not be missing from a bill of materials without notice."""
    with pytest.raises(ValueError, match=r"serving\.txt: .* is not a locked package; run make lock"):
        list(locked(_lock(tmp_path, f"{line}\n")))


def test_the_images_platform_is_that_of_their_base() -> None:
    """A new Python in the Dockerfiles selects other packages."""
    bases = " ".join(base for dockerfile in DOCKERFILES.values() for base in dockerfile.bases)
    assert set(re.findall(r"python:(3\.\d+)", bases)) == {IMAGE["python_version"]}
    assert IMAGE["python_full_version"].rpartition(".")[0] == IMAGE["python_version"]
