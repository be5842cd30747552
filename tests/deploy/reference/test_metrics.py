"""Each metric of every program is described exactly once, in docs/metrics.md."""

import re
from pathlib import Path

import pytest

from deploy.reference.exported_metrics import PROCESS, families, registries
from deploy.reference.files import FILES

DOCS = Path(__file__).parents[3] / "docs"
#: Pages that are written by hand.
PAGES = sorted(page for page in DOCS.rglob("*.md") if f"docs/{page.relative_to(DOCS)}" not in FILES)
EXPORTED = set(families()) | set(PROCESS)


def _first_cells(page: Path) -> list[str]:
    """Return the names in backticks in the first column of a page's tables."""
    rows = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]


def test_every_metric_has_one_row() -> None:
    """The page has one row for each exported metric, including prometheus_client's process metrics, and no others."""
    assert sorted(_first_cells(DOCS / "metrics.md")) == sorted(EXPORTED)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_other_pages_have_no_tables_of_metrics(page: Path) -> None:
    """Pages written by hand link to docs/metrics.md; a second table would go stale."""
    assert not EXPORTED.intersection(_first_cells(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_counters_named_in_text_exist(page: Path) -> None:
    """Every counter that a page names is exported by a program."""
    named = set(re.findall(r"`(\w+_total)\b", page.read_text("utf-8")))
    assert named <= EXPORTED


def test_metrics_are_exported() -> None:
    """Enough metrics are found; otherwise, the tests above would pass without checking any."""
    assert len(registries()) == 4
    assert len(families()) > 50
