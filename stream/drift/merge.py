"""Counts of all workers become windows and reports: a pure function of `drift-counts` from an offset on.

The topic has one partition, so its messages have one order, and each bundle's windows are cut by it: a window ends with
the message that makes it full. Everything a window needs lies between its two offsets and in the report before. So
whoever is elected reads the newest report of each bundle, then the counts from the highest `settled_offset`, and goes
on as the one before would have; two who both believe to be elected write the same bytes.

A model that no counts came of while another counted the rows of `QUIET_WINDOWS` windows, in `QUIET_MESSAGES` messages
of one worker, plays no longer: what its window holds is reported as it stands, `complete` being false. Should it come
back, its next report carries the next number. No clock has a say in it.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from schemas.manifest import Manifest
from schemas.messages import DriftCounts, DriftReport
from stream.drift.grid import Counts, Grid
from stream.drift.measure import Measured
from stream.drift.open_window import OpenWindow
from stream.drift.report import Past, Reporter, past_of
from stream.drift.rule import DriftLimits
from stream.drift.windows import RollingByRows, RollingByTime

#: All models that play count the same rows, within a second or two. So a few windows are longer than any pause, and on
#: all but the quietest stream well within the retention of `drift-counts`.
QUIET_WINDOWS = 3
#: On a busy stream, or after a pause, one message holds many windows' rows. A worker counts all its models in turn, so
#: of one that plays there is a message between any two of another's.
QUIET_MESSAGES = 3

#: Gives the manifest of the bundle that counts are of; None where it is gone for good. What it raises leaves the merger
#: as it was: the same message may be added again.
LoadManifest = Callable[[DriftCounts], Manifest | None]
#: Is told of counts that were left out, and why, in words for a log.
OnRefused = Callable[[DriftCounts, str], None]


@dataclass(frozen=True, slots=True)
class DriftView:
    """What displays show of one model that is playing."""

    #: Whose counts came last.
    newest: DriftCounts
    #: Rows of the open window, and how many it takes.
    rows: int
    wanted: int
    #: Of the newest report; 0 before the first.
    number: int
    #: Names of the k columns, features first, then the score.
    columns: tuple[str, ...]
    #: Of the last `wanted` rows, and of the last `drift_rolling_s`: both since this process reads along.
    by_rows: Measured
    by_time: Measured


class Merger:
    """Adds counts up.

    Args:
        load_manifest: Of a bundle, when its first counts come.
        limits: Windows and rule.
        on_refused: Is told of counts that are left out.
    """

    def __init__(self, load_manifest: LoadManifest, limits: DriftLimits, on_refused: OnRefused) -> None:
        self._load_manifest = load_manifest
        self._limits = limits
        self._refused = on_refused
        self._past: dict[str, Past] = {}
        self._playing: dict[str, _Playing] = {}

    def restore(self, reports: Iterable[DriftReport]) -> int:
        """Go on after these reports, in any order, repeated or not; before the first `add`.

        Returns:
            The offset of `drift-counts` to read from; 0 without a report.
        """
        settled = 0
        for report in reports:
            settled = max(settled, report.settled_offset)
            if report.number > self._past.get(report.bundle_sha256, Past()).number:
                self._past[report.bundle_sha256] = past_of(report)
        return settled

    def add(self, offset: int, message: DriftCounts) -> list[DriftReport]:
        """Take in one message; offsets rise.

        Returns:
            Reports of the windows that it closed, mostly none.
        """
        sha256 = message.bundle_sha256
        past = self._past.get(sha256, Past())
        playing = self._playing.get(sha256)
        fresh = offset >= past.next_offset
        if fresh and playing is None:
            manifest = self._load_manifest(message)
            playing = _Playing(manifest, message, self._limits) if manifest else None
        reports = self._close_quiet(offset, message)
        if not fresh:
            return reports
        if playing is None:
            self._refused(message, "its bundle is gone")
            return reports
        self._playing[sha256] = playing
        try:
            counts = _vector(playing.reporter.grid, message)
        except ValueError as error:
            self._refused(message, str(error))
            return reports
        window = playing.add(offset, message, counts)
        if window.full:
            reports.append(self._report(playing, window, offset + 1, message.written_at_ms))
        return reports

    def views(self) -> list[DriftView]:
        """Return what displays show, of each model that is playing."""
        return [
            playing.view(self._past.get(sha256, Past()).number, self._limits.window_rows)
            for sha256, playing in self._playing.items()
        ]

    def _close_quiet(self, offset: int, message: DriftCounts) -> list[DriftReport]:
        """Report and forget the models that went quiet."""
        reports = []
        enough = QUIET_WINDOWS * self._limits.window_rows
        for sha256 in sorted(self._playing):  # in whatever order they began
            playing = self._playing[sha256]
            if sha256 == message.bundle_sha256:
                continue
            rows, messages = playing.missed(message)
            if rows < enough or messages < QUIET_MESSAGES:
                continue
            del self._playing[sha256]
            if playing.window is not None and playing.window.rows:
                reports.append(self._report(playing, playing.window, offset, message.written_at_ms))
        return reports

    def _report(self, playing: "_Playing", window: OpenWindow, next_offset: int, written_at_ms: int) -> DriftReport:
        playing.window = None
        still_open = (each.window.first_offset for each in self._playing.values() if each.window is not None)
        newest = playing.newest
        report = playing.reporter.close(
            window,
            newest,
            self._past.get(newest.bundle_sha256, Past()),
            next_offset=next_offset,
            settled_offset=min(still_open, default=next_offset),
            written_at_ms=written_at_ms,
        )
        self._past[newest.bundle_sha256] = past_of(report)
        return report


class _Playing:
    """One bundle that counts come of."""

    def __init__(self, manifest: Manifest, newest: DriftCounts, limits: DriftLimits) -> None:
        self._limits = limits
        # Since this one's newest message: by bundle, rows that another counted; by its worker too, their messages.
        self._missed_rows: Counter[str] = Counter()
        self._missed_messages: Counter[tuple[str, str]] = Counter()
        self.newest = newest
        self.reporter = Reporter(manifest, limits)
        width = self.reporter.grid.width
        self.window: OpenWindow | None = None
        self._by_rows = RollingByRows(width, limits.window_rows)
        self._by_time = RollingByTime(width, limits.pane_s * 1000, limits.rolling_s * 1000)

    def add(self, offset: int, message: DriftCounts, counts: Counts) -> OpenWindow:
        """Take in a message; return the window that it is in."""
        self.newest = message
        self._missed_rows.clear()
        self._missed_messages.clear()
        if self.window is None:
            self.window = OpenWindow(self.reporter.grid.width, offset, self._limits)
        self.window.add(message, counts)
        self._by_rows.update(counts, message.rows)
        # First the end, then the rows: after a long pause these lie beyond what was waited for.
        if self.window.watermark_ms is not None:
            self._by_time.advance(self.window.watermark_ms)
        if message.pane_ms is not None:
            self._by_time.update(message.pane_ms, counts)
        return self.window

    def missed(self, message: DriftCounts) -> tuple[int, int]:
        """Take in that another model counted.

        Returns:
            How many rows that model has since this one's newest message, and how many messages of the same worker.
        """
        bundle, place = message.bundle_sha256, (message.bundle_sha256, message.instance)
        self._missed_rows[bundle] += message.rows
        self._missed_messages[place] += 1
        return self._missed_rows[bundle], self._missed_messages[place]

    def view(self, number: int, wanted: int) -> DriftView:
        """Return what displays show."""
        measure = self.reporter.measure
        rows = self.window.rows if self.window else 0
        by_rows, by_time = measure.measure(self._by_rows.counts), measure.measure(self._by_time.counts)
        return DriftView(self.newest, rows, wanted, number, measure.names, by_rows, by_time)


def _vector(grid: Grid, message: DriftCounts) -> Counts:
    """Return a message's counts as a vector.

    Raises:
        ValueError: If they are by other bins, or do not add up to its rows.
    """
    counts = grid.join(message.features, message.scores)
    starts = [column.start for column in (*grid.features, grid.score)]
    if (np.add.reduceat(counts, starts) != message.rows).any():
        raise ValueError("counts that do not add up to their rows")
    return counts
