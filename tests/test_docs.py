"""README.md and docs/: links lead somewhere, every page is in the navigation, the floors are those of the imports."""

import re
from pathlib import Path

import pytest

from deploy.docs_site import navigation
from tests.test_floors import FLOORS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = (*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")))
#: Maximum number of lines of the README.
README_LINES = 200
_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the repository's browser and the site make them."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_into_the_project_leads_somewhere(page: Path) -> None:
    """A link to a renamed file or heading fails this test before a reader follows the broken link."""
    links = [target for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")) if ":" not in target]
    for path, _, anchor in (link.partition("#") for link in links):
        target = page.parent / path if path else page
        assert target.exists(), f"{_name(page)} links to {path}"
        assert not anchor or anchor in _anchors(target), f"{_name(page)} links to {path}#{anchor}"
    assert links or page.name != "README.md", "the README has no links: the pattern has gone stale"


def test_every_page_is_in_the_navigation_once() -> None:
    """The navigation of the site lists every page of docs/ exactly once, and no others."""
    assert sorted(navigation()) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_the_readme_stays_short() -> None:
    """The README is read in a few minutes; details belong in docs/."""
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= README_LINES


def _floors_table() -> list[tuple[str, str]]:
    table = (DOCS / "architecture.md").read_text("utf-8").partition("## Floors")[2].partition("\n## ")[0]
    return re.findall(r"^\| (\w+) \| `([a-z_/.]+)` \|", table, re.MULTILINE)


def test_every_folder_in_the_floors_table_exists() -> None:
    """The files and folders in architecture.md's table of floors (layers) exist, and all of training/ is listed."""
    assert [name for _, name in _floors_table() if not (ROOT / name).exists()] == []
    annex = {name.strip("/") for floor, name in _floors_table() if floor == "annex"}
    assert annex == {f"training/{each.parent.name}" for each in (ROOT / "training").glob("*/__init__.py")}


def test_the_floors_table_is_what_the_imports_obey() -> None:
    """The table has the same packages on the same floors as `tests/test_floors.py`, which checks the imports."""
    table = {
        name.removesuffix(".py").strip("/").replace("/", "."): int(floor)
        for floor, name in _floors_table()
        if floor.isdigit()
    }
    assert table == {package: floor for package, floor in FLOORS.items() if package != "stream"}
