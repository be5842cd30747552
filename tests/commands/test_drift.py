"""Tests of `fraud-stream drift`: a table for 80 columns, worst feature first, and a one-line error without a report."""

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from rich.console import Console

from schemas.messages import AlertRate, ColumnDrift, DriftReport, encode
from stream.cli import cli
from stream.commands import drift
from stream.commands.drift import TREND, RecentReports, render
from stream.local.owned_process import OwnedProcess
from stream.local.program_process import program_environment
from stream.settings import Settings
from tests.support.command import run
from tests.support.topics import produce_all
from tests.support.until import until

OK = ColumnDrift(
    psi=0.012, distance=0.02, p=0.5, missing=0.0, psi_limit=0.1, distance_limit=0.1, state="ok", in_a_row=0
)
PAGE = replace(OK, psi=1.234, distance=0.61, missing=0.25, state="page", in_a_row=3)
UNKNOWN = ColumnDrift(None, None, None, 0.0, None, None, "unknown", 0)


def report(number: int = 1, **overrides: Any) -> DriftReport:
    """Return a champion's report with thirty features, the last of which has drifted."""
    features = {f"V{n}": replace(OK, psi=n / 1000) for n in range(1, 30)} | {"a_feature_with_a_very_long_name": PAGE}
    made = DriftReport(
        name="fraud",
        version="7",
        bundle_sha256="a" * 64,
        decides=True,
        number=number,
        first_offset=number * 10,
        next_offset=number * 10 + 10,
        settled_offset=number * 10 + 10,
        from_ms=1_378_036_800_000,
        until_ms=1_378_038_600_000,
        rows=5_012,
        ahead=0,
        complete=True,
        features=features,
        score=OK,
        alert_rate=AlertRate(0.0015, 0.0016, 0.6, "ok", (5_012,), (8,)),
        mean_score=0.0021,
        expected_precision=0.83,
        expected_recall=0.71,
        false_alarm_rate=0.002,
        counts={},
        score_counts=(),
        reviews=8,
        declines=0,
        written_at_ms=1,
    )
    return replace(made, **overrides)


def rendered(*models: Sequence[DriftReport], max_columns: int | None = None) -> list[str]:
    """Return the lines that are shown on a terminal of 80 columns."""
    file = io.StringIO()
    Console(file=file, width=80).print(render([list(own) for own in models], max_columns))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_a_table_fits_80_columns_with_the_worst_column_first() -> None:
    """A long feature name is shortened so that the table fits, and the values are never cut off."""
    lines = rendered([report(number) for number in range(20 - TREND, 20)])
    assert max(map(len, lines)) <= 80
    assert lines[0] == "fraud 7, champion: window 19, 5,012 transactions"
    first = next(i for i, line in enumerate(lines) if line.startswith("column"))
    assert lines[first + 1].split() == [
        "a_feature_with_a_very…",
        "1.234",
        "0.100",
        "0.610",
        "25.0%",
        "█" * TREND,
        "page",
    ]
    assert lines[first + 2].startswith("V29 ")
    assert "if P(label | input) is unchanged" in lines[-3]
    assert "alert rate 0.160%, expected 0.150% (p 0.6): ok" in lines


def test_the_worst_columns_are_shown_if_there_are_too_many() -> None:
    """If there are too many columns, only the worst are shown, and a last line gives the number of the others."""
    lines = rendered([report()], max_columns=3)
    assert "and 28 more, none of them worse" in lines


def test_missing_statistics_and_incomplete_windows_are_shown() -> None:
    """Missing statistics are shown as dashes; rows dated in the future and an incomplete window are pointed out."""
    unusual = report(
        features={"V1": UNKNOWN},
        score=UNKNOWN,
        ahead=12,
        from_ms=None,
        until_ms=None,
        complete=False,
        alert_rate=None,
        mean_score=None,
        expected_precision=None,
        false_alarm_rate=None,
        decides=False,
    )
    lines = rendered([unusual])
    assert lines[0].startswith("fraud 7, challenger")
    assert "12 transactions are dated too far in the future to be counted" in lines
    assert "not full: the model had no more traffic" in lines
    assert any(line.split() == ["V1", "-", "-", "-", "0.0%", "·", "unknown"] for line in lines)


def test_the_newest_champion_is_shown_and_repeated_reports_are_ignored() -> None:
    """If two workers report the same window, the first report counts. Only a limited number of reports is kept."""
    reports = RecentReports()
    for number in range(1, 2 * TREND):
        reports.add(report(number))
        reports.add(report(number, rows=1))
    reports.add(report(1, version="8", bundle_sha256="b" * 64, decides=False, next_offset=10_000))
    reports.add(None)
    ((*_, newest),) = reports.select(None)
    assert (newest.version, newest.number, newest.rows) == ("7", 2 * TREND - 1, 5_012)
    assert len(reports.select(None)[0]) == TREND
    assert [own[-1].version for own in reports.select("8")] == ["8"]


def test_the_command_on_a_real_kafka(settings: Settings) -> None:
    """Without a report, the command prints a one-line error and exits with code 1; else it prints a table or JSON."""
    empty = run("drift", "--once", settings=settings)
    assert empty.returncode == 1
    assert empty.stderr.count("\n") == 1
    assert "FRAUD_DRIFT_WINDOW_ROWS" in empty.stderr
    reports = [report(1), report(2)]
    produce_all(settings.kafka.bootstrap, settings.topic.drift_reports, [(None, encode(each)) for each in reports])
    shown = run("drift", "--once", settings=settings)
    assert shown.returncode == 0
    assert "window 2" in shown.stdout
    as_json = run("drift", "--json", settings=settings)
    assert msgspec.json.decode(as_json.stdout, type=list[DriftReport]) == reports[1:]
    other = run("drift", "--once", "--model", "9", settings=settings)
    assert other.returncode == 1
    assert "of model 9" in other.stderr


class FakeReader:
    """Stands in for a reader of `drift-reports`: one report in its history, then another, then Ctrl-C."""

    def __init__(self, *_: object, **__: object) -> None:
        self.closed = False

    def history(self) -> list[bytes]:
        """Return the report on the first window."""
        return [encode(report(1))]

    def follow(self, *, until: Callable[[], bool]) -> Iterator[bytes]:
        """Yield the report on the second window, until somebody presses Ctrl-C."""
        assert not until()
        yield encode(report(2))
        raise KeyboardInterrupt

    def close(self) -> None:
        """Record that the reader was closed."""
        self.closed = True


@pytest.mark.parametrize("terminal", [True, False])
def test_every_window_is_displayed_until_ctrl_c(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> None:
    """A terminal shows the newest window in place; a file gets one table after another. Ctrl-C closes the reader."""
    file, reader = io.StringIO(), FakeReader()
    console = Console(file=file, width=80, height=30, force_terminal=terminal, color_system=None)
    monkeypatch.setattr(drift, "require_broker", lambda _: None)
    monkeypatch.setattr(drift, "TopicReader", lambda *_, **__: reader)
    monkeypatch.setattr(drift, "Console", lambda: console)
    cli.main(["drift"], standalone_mode=False)
    assert reader.closed
    shown = file.getvalue()
    assert 0 < shown.index("window 1,") < shown.index("window 2,")
    assert ("\x1b[?25l" in shown) == terminal, "the cursor is hidden while the table is updated in place"
    assert "and 10 more" in shown, "30 lines leave room for 21 of the report's 31 columns"


def test_the_display_is_updated(settings: Settings, tmp_path: Path) -> None:
    """The command waits for the first window, then shows every new window."""
    output = tmp_path / "output"
    command = [sys.executable, "-m", "stream.cli", "drift"]
    process = OwnedProcess(command, output, program_environment(settings))
    try:
        until(lambda: "yet: a window closes after" in output.read_text())
        for number in (1, 2):
            produce_all(settings.kafka.bootstrap, settings.topic.drift_reports, [(None, encode(report(number)))])
            until(lambda: f"window {number}," in output.read_text())  # noqa: B023 - called at once
        assert process.stop(10) == 0
    finally:
        process.kill()
