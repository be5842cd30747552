"""Links and paths in README.md and docs/ point to existing files."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_into_the_project_leads_somewhere(page: Path) -> None:
    """A link to a renamed file fails this test before a reader follows the broken link."""
    links = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))]
    ours = [target for target in links if target and "://" not in target]
    assert [target for target in ours if not (page.parent / target).exists()] == []
    assert ours or page.name != "README.md", "the README has no links: the pattern has gone stale"


def test_every_folder_in_the_floors_table_exists() -> None:
    """The files and folders in architecture.md's table of floors (layers) exist."""
    table = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("## Floors")[2].partition("\n## ")[0]
    named = re.findall(r"`([a-z/_.]+(?:/|\.py))`", table)
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []
