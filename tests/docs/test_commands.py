"""The commands in README.md and docs/ exist, and each is run by a test or says why not. See `tests.docs`."""

import re
from pathlib import Path

import pytest

from deploy.reference.files import FILES
from tests.docs.blocks import blocks_of
from tests.docs.test_pages import PAGES as RUN
from tests.docs.usage import ROOT, usage_error

PAGES = [
    page
    for page in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
    if str(page.relative_to(ROOT)) not in FILES
]
#: Command lines in running text, such as `make demo`.
_INLINE = re.compile(r"`((?:fraud-stream|fraud-train|make|python -m) [^`]+)`")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_is_run_or_says_why_not(page: Path) -> None:
    """A block of commands outside the pages that are run gives the reason why it is not run."""
    for block in blocks_of(page):
        if block.language in {"bash", "sh", "shell"}:
            pytest.fail(f"{_name(page)}, line {block.line}: write commands as a console block, with `$ `")
        run = _name(page) in RUN
        assert run or block.language != "console" or block.kind == "not run", f"{_name(page)}, line {block.line}"
        assert block.kind != "not run" or len(block.argument.split()) > 2, f"{block.argument!r} is no reason"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_and_options_exist(page: Path) -> None:
    """Commands, options, make targets and modules that a page names exist, whether they are run or not."""
    text = re.sub(r"\s+", " ", re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL))
    blocks = [block for block in blocks_of(page) if block.language == "console"]
    lines = [*_INLINE.findall(text), *(command.text for block in blocks for command in block.commands())]
    assert [error for error in map(usage_error, lines) if error] == []


@pytest.mark.parametrize(
    "line",
    [
        "fraud-stream wroker",
        "fraud-stream topics --all",
        "fraud-stream models set --champoin fraud/2",
        "fraud-train describe mine.csv other.csv",
        "export A=1 && make demmo",
        "FRAUD_KAFKA_SLOT=a fraud-stream worker --slot a",
        "python -m deploy.demmo",
    ],
)
def test_a_wrong_command_is_found(line: str) -> None:
    """`test_commands_and_options_exist` can fail: each of these lines contains one mistake."""
    assert usage_error(line)
