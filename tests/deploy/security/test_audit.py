"""`make audit`: every lock file is looked up, and a vulnerability fails it unless an exception gives the reason."""

import json
from pathlib import Path

import pytest

from deploy.security import audit, findings, programs
from deploy.security.audit import vulnerabilities
from deploy.security.findings import Finding, read_exceptions
from schemas.errors import FraudError

#: Stands in for pip-audit, which would ask a database on the internet: prints what is stored beside the lock file.
PROGRAM = """\
#!/bin/sh
for last; do :; done
test -f "$last.json" || { echo "cannot reach the database" >&2; exit 1; }
cat "$last.json"
! grep -q fix_versions "$last.json"
"""
OLD = {"id": "PYSEC-2026-7", "fix_versions": [], "aliases": ["GHSA-aaaa", "CVE-2026-1234"]}
NEW = {"id": "GHSA-bbbb", "fix_versions": ["2.1", "3.0"], "aliases": []}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of lock files, of which none has a vulnerability, with a file of exceptions and a program of its own."""
    (tmp_path / "pip-audit").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "pip-audit").chmod(0o755)
    (tmp_path / "exceptions.toml").write_text("", encoding="utf-8")
    for name in ("dev", "serving"):
        _lock(tmp_path, name)
    monkeypatch.setattr(programs, "FOLDER", tmp_path)
    monkeypatch.setattr(audit, "LOCKS", tmp_path)
    monkeypatch.setattr(findings, "EXCEPTIONS", tmp_path / "exceptions.toml")
    return tmp_path


def _lock(folder: Path, name: str, *reported: object) -> Path:
    """Write a lock file and what pip-audit reports about it."""
    path = folder / f"{name}.txt"
    path.write_text("numpy==2.0\n", encoding="utf-8")
    packages = [{"name": "numpy", "version": "2.0", "vulns": reported}]
    Path(f"{path}.json").write_text(json.dumps({"dependencies": packages, "fixes": []}), encoding="utf-8")
    return path


def _except(folder: Path, rule: str) -> None:
    entry = f'[[vulnerabilities]]\nrule = "{rule}"\nsubjects = ["numpy"]\nreason = "The function is never called."\n'
    (folder / "exceptions.toml").write_text(entry, encoding="utf-8")


def test_a_vulnerability_is_named_by_its_cve(folder: Path) -> None:
    """Databases number the same vulnerability differently, and may change their number; the CVE stays."""
    assert list(vulnerabilities(_lock(folder, "dev", OLD, NEW))) == [
        Finding("CVE-2026-1234", "numpy", "version 2.0 in dev.txt; no version fixes it yet"),
        Finding("GHSA-bbbb", "numpy", "version 2.0 in dev.txt; fixed in 2.1, 3.0"),
    ]


@pytest.mark.usefixtures("folder")
def test_packages_without_vulnerabilities_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """Each lock file has a line, so that one sees what was looked up."""
    assert audit.main() == 0
    output = capsys.readouterr()
    assert [line.split()[0] for line in output.out.splitlines()] == ["dev.txt", "serving.txt"]
    assert output.err == ""


def test_all_lock_files_are_looked_up_before_it_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A vulnerability in the first file, and a file that cannot be looked up, do not hide those of the next."""
    _lock(folder, "dev", OLD)
    (folder / "docs.txt").write_text("numpy==2.0\n", encoding="utf-8")
    _lock(folder, "serving", NEW)
    assert audit.main() == 1
    assert capsys.readouterr().err.splitlines() == [
        "audit: docs.txt: pip-audit exited with 1: cannot reach the database",
        "audit: not all packages were looked up; that needs the internet",
        "audit: numpy: CVE-2026-1234: version 2.0 in dev.txt; no version fixes it yet",
        "audit: numpy: GHSA-bbbb: version 2.0 in serving.txt; fixed in 2.1, 3.0",
    ]


def test_an_exception_lets_one_vulnerability_pass(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Until there is a fix, the exception's reason says why it does no harm; another vulnerability still fails."""
    _lock(folder, "dev", OLD)
    _except(folder, "CVE-2026-1234")
    assert audit.main() == 0
    _lock(folder, "serving", NEW)
    assert audit.main() == 1
    assert "CVE-2026-1234" not in capsys.readouterr().err


def test_an_exception_that_is_not_needed_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would hide the vulnerability if it came back. If a lock file was not looked up, it may still be needed."""
    _except(folder, "CVE-2026-1234")
    assert audit.main() == 1
    assert "CVE-2026-1234 for numpy is excepted, but no check reports it; remove" in capsys.readouterr().err
    (folder / "docs.txt").write_text("numpy==2.0\n", encoding="utf-8")
    assert audit.main() == 1
    assert "CVE-2026-1234" not in capsys.readouterr().err


def test_exceptions_of_audit_and_security_are_separate(folder: Path) -> None:
    """`make security` looks up no vulnerability, so it must not report the exceptions for them as unused."""
    _except(folder, "CVE-2026-1234")
    path = folder / "exceptions.toml"
    assert read_exceptions(path) == []
    assert [each.rule for each in read_exceptions(path, "vulnerabilities")] == ["CVE-2026-1234"]


@pytest.mark.integration  # needs .venv-security
def test_the_real_program_accepts_the_options(tmp_path: Path) -> None:
    """It reads the lock file, and refuses it for its missing hash before it would ask the database."""
    (tmp_path / "dev.txt").write_text("numpy==2.0\n", encoding="utf-8")
    with pytest.raises(FraudError, match=r"pip-audit exited with 1: .*hash"):
        list(vulnerabilities(tmp_path / "dev.txt"))
