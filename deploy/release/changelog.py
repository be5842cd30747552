"""The section of CHANGELOG.md about one version, as the text of a release.

`python -m deploy.release.changelog TAG` checks that the tag, pyproject.toml and the changelog name the same version and
that the tag's commit is on main, and writes the section to var/release/notes.md.
"""

import re
import sys
import tomllib
from pathlib import Path

from deploy.release.ancestry import require_on_main
from deploy.release.errors import ReleaseError
from schemas.errors import FraudError

ROOT = Path(__file__).parents[2]
OUT = ROOT / "var" / "release" / "notes.md"
_HEADING_OR_CODE = re.compile(r"^## ([^\n]+)$|^```.*?^```", re.MULTILINE | re.DOTALL)


def version() -> str:
    """Return the version in pyproject.toml."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def section(changelog: str, wanted: str) -> str:
    r"""Return what a changelog says about a version, without the heading.

    >>> section("# Changelog\n\n## 1.1.0 - 2026-12-01\n\n- Faster.\n\n## 1.0.0 - 2026-11-01\n", "1.1.0")
    '- Faster.\n'

    Args:
        changelog: Text in the format of Keep a Changelog.
        wanted: Version, such as `1.1.0`.

    Raises:
        ReleaseError: If there is no such section, or nothing in it.
    """
    # A line in a code block that looks like a heading is not one.
    headings = [match for match in _HEADING_OR_CODE.finditer(changelog) if match[1]]
    for match, following in zip(headings, [*headings[1:], None], strict=True):
        if re.match(rf"\[?{re.escape(wanted)}\]?(\s|$)", match[1]):
            text = changelog[match.end() : following.start() if following else None].strip()
            if text:
                return text + "\n"
            raise ReleaseError(f"CHANGELOG.md says nothing about {wanted}; list what changes for users")
    raise ReleaseError(f"CHANGELOG.md has no section {wanted}; rename `Unreleased` to `{wanted} - DATE`")


def notes(tag: str) -> str:
    """Return the text of the release that a tag stands for.

    Raises:
        ReleaseError: If the tag is not that of the version in pyproject.toml, the changelog lacks the version, or the
            tag's commit is not on main.
    """
    if tag != f"v{version()}":
        raise ReleaseError(f"the tag is {tag}, but pyproject.toml has the version {version()}; they must be the same")
    require_on_main(ROOT, tag)
    return section((ROOT / "CHANGELOG.md").read_text("utf-8"), version())


if __name__ == "__main__":
    try:
        text = notes(sys.argv[1] if len(sys.argv) > 1 else "")
    except FraudError as error:
        sys.exit(f"release: {error}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{OUT.relative_to(ROOT)}: {len(text.splitlines())} lines\n")
