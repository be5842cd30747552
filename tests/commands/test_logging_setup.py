"""What the log contains on a terminal and elsewhere."""

import json
import logging
from collections.abc import Iterator

import pytest

from stream.commands.logging_setup import set_up_logging
from stream.settings import Settings

CARD = "4929-1234"


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    """Restore the levels that the set-up changes, which would last for the whole process."""
    names = ("", "faust", "mode", "alembic", "uvicorn", "aiokafka")
    before = {name: logging.getLogger(name).level for name in names}
    yield
    for name in names:
        logging.getLogger(name).setLevel(before[name])


def fail_on_a_card(card: str) -> None:
    """Raise an error while card data is in a local variable."""
    raise ValueError("wrong" if card else "")


@pytest.mark.parametrize("form", ["text", "json", "auto"])
def test_a_traceback_contains_no_local_variables(
    form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tracebacks name the line that failed but not its variables, which may contain card data; a file gets JSON."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # as in a new process: pytest adds handlers of its own
    set_up_logging(Settings().replace(log_format=form))
    try:
        fail_on_a_card(CARD)
    except ValueError:
        logging.getLogger("stream.test").exception("a failure")
    logged = capsys.readouterr().err
    assert "ValueError: wrong" in logged
    assert "fail_on_a_card" in logged
    assert CARD not in logged
    if form == "text":
        assert len(logged.splitlines()) > 1
    else:
        (line,) = logged.splitlines()
        assert json.loads(line)["event"] == "a failure"
