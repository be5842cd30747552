"""The section of the changelog that becomes the text of a release."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.release import changelog
from deploy.release.changelog import notes, section, version
from deploy.release.errors import ReleaseError

TEXT = """\
# Changelog

## Unreleased

### Added

- Not yet.

## [1.10.0] - 2026-12-01

### Changed

- Decisions state their engine:

```text
## 1.1.0 is not a heading here
```

## 1.1.0 - 2026-11-02

## 1.0.0

- First release.
"""


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("1.10.0", "### Changed", "```"),
        ("1.0.0", "- First release.", "- First release."),
        ("Unreleased", "### Added", "- Not yet."),
    ],
)
def test_a_section_ends_at_the_next_version(wanted: str, first: str, last: str) -> None:
    """Brackets, a date, a code block and the end of the file make no difference."""
    lines = section(TEXT, wanted).splitlines()
    assert (lines[0], lines[-1]) == (first, last)


@pytest.mark.parametrize(("wanted", "message"), [("1.1.0", "says nothing about 1.1.0"), ("1.1", "no section 1.1;")])
def test_a_missing_or_empty_section_is_an_error(wanted: str, message: str) -> None:
    """A release without notes would leave users to read the commits."""
    with pytest.raises(ReleaseError, match=message):
        section(TEXT, wanted)


def test_tag_version_and_changelog_must_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong tag, or one whose commit is not on main, ends the workflow before anything is built."""
    checked: list[tuple[Path, str]] = []
    monkeypatch.setattr(changelog, "ROOT", tmp_path)
    monkeypatch.setattr(changelog, "require_on_main", lambda *arguments: checked.append(arguments))
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.0.0"\n', encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(TEXT, encoding="utf-8")
    assert notes("v1.0.0") == "- First release.\n"
    assert checked == [(tmp_path, "v1.0.0")]
    for tag in ("1.0.0", "v1.10.0", ""):
        with pytest.raises(ReleaseError, match=r"the version 1\.0\.0; they must be the same"):
            notes(tag)


def test_the_command_line_reports_the_error() -> None:
    """One line on the standard error, and exit code 1; the real changelog has no section `0.0.0`."""
    run = [sys.executable, "-m", "deploy.release.changelog", "v0.0.0"]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=changelog.ROOT)
    assert done.returncode == 1
    assert done.stderr == (
        f"release: the tag is v0.0.0, but pyproject.toml has the version {version()}; they must be the same\n"
    )
