"""Merges the counts of all workers into windows and reports; a pure function of the messages on `drift-counts`.

The topic has one partition, so all readers see the messages in the same order, and this order determines each bundle's
windows: a window ends with the message that fills it. Everything that determines a window's report is in the messages
between the window's two offsets and in the previous report. A newly elected worker therefore reads the newest report of
each bundle, then the counts from the highest `settled_offset` on, and continues exactly where its predecessor stopped.
Two workers that both believe they are elected write the same bytes.

A model is taken to have left its role if none of its counts arrived while another model counted the rows of
`QUIET_WINDOWS` windows, in at least `QUIET_MESSAGES` messages from one worker. The model's open window is then reported
before it is full, with `complete` set to false. If the model comes back, its next report has the next number. None of
this depends on a clock.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from schemas.manifest import Manifest
from schemas.messages import DriftCounts, DriftReport
from stream.drift.alarm_rule import DriftLimits
from stream.drift.binning import Binning, Counts
from stream.drift.open_window import OpenWindow
from stream.drift.report import DriftReporter, PreviousReport, previous_report
from stream.drift.rolling_windows import RollingByRows, RollingByTime
from stream.drift.statistics import WindowStatistics

#: Number of windows whose rows another model must count before a model without counts is taken to have left its role.
#: All models in a role count the same rows within a second or two, so a few windows last longer than any pause, and on
#: all but the quietest streams, far less than the retention of `drift-counts`.
QUIET_WINDOWS = 3
#: Number of messages that must also have come from one worker, because on a busy stream or after a pause, one message
#: contains the rows of many windows. A worker publishes counts for all its models in turn, so between two messages
#: about one model there is a message about each other model in a role.
QUIET_MESSAGES = 3

#: Function that returns the manifest of the bundle that counts belong to, or None if the bundle no longer exists. An
#: exception leaves the merger unchanged, so the same message can be added again.
LoadManifest = Callable[[DriftCounts], Manifest | None]
#: Function called with discarded counts and the reason, to log them.
OnRefused = Callable[[DriftCounts, str], None]


@dataclass(frozen=True, slots=True)
class DriftView:
    """The drift state of one model in a role, for display."""

    #: The model's newest message.
    newest: DriftCounts
    #: Number of rows in the open window.
    rows: int
    #: Number of rows in a full window.
    window_rows: int
    #: Number of the bundle's newest report; 0 before the first report.
    number: int
    #: Names of the k columns: the features, then the score.
    columns: tuple[str, ...]
    #: Statistics of the newest `window_rows` rows that this process has read.
    by_rows: WindowStatistics
    #: Statistics of the last `drift_rolling_s` of event time that this process has read.
    by_time: WindowStatistics


class CountsMerger:
    """Merges drift counts into windows and reports.

    Args:
        load_manifest: Function that loads a bundle's manifest when the bundle's first counts arrive.
        limits: Window sizes and limits of the alarm rule.
        on_refused: Callback for discarded counts.
    """

    def __init__(self, load_manifest: LoadManifest, limits: DriftLimits, on_refused: OnRefused) -> None:
        self._load_manifest = load_manifest
        self._limits = limits
        self._on_refused = on_refused
        self._previous: dict[str, PreviousReport] = {}
        self._active: dict[str, _ActiveModel] = {}

    def restore(self, reports: Iterable[DriftReport]) -> int:
        """Continue after the reports that have been written so far; call this before the first `add`.

        Args:
            reports: Reports written so far, in any order; repeated reports have no effect.

        Returns:
            Offset in `drift-counts` to read from; 0 if there are no reports.
        """
        settled = 0
        for report in reports:
            settled = max(settled, report.settled_offset)
            if report.number > self._previous.get(report.bundle_sha256, PreviousReport()).number:
                self._previous[report.bundle_sha256] = previous_report(report)
        return settled

    def add(self, offset: int, message: DriftCounts) -> list[DriftReport]:
        """Add one message to its model's open window.

        Args:
            offset: Offset of the message, higher than the previous message's offset.
            message: Counts of one model.

        Returns:
            Reports on the windows that the message closed, usually none.
        """
        sha256 = message.bundle_sha256
        previous = self._previous.get(sha256, PreviousReport())
        active = self._active.get(sha256)
        is_new = offset >= previous.next_offset
        if is_new and active is None:
            manifest = self._load_manifest(message)
            active = _ActiveModel(manifest, message, self._limits) if manifest else None
        reports = self._close_quiet(offset, message)
        if not is_new:
            return reports
        if active is None:
            self._on_refused(message, "the bundle is gone")
            return reports
        self._active[sha256] = active
        try:
            counts = _vector(active.reporter.binning, message)
        except ValueError as error:
            self._on_refused(message, str(error))
            return reports
        window = active.add(offset, message, counts)
        if window.full:
            reports.append(self._report(active, window, offset + 1, message.written_at_ms))
        return reports

    def views(self) -> list[DriftView]:
        """Return the drift state of each model in a role, for display."""
        return [
            active.view(self._previous.get(sha256, PreviousReport()).number, self._limits.window_rows)
            for sha256, active in self._active.items()
        ]

    def _close_quiet(self, offset: int, message: DriftCounts) -> list[DriftReport]:
        """Report on the open windows of the models that have left their roles, and drop these models."""
        reports = []
        enough = QUIET_WINDOWS * self._limits.window_rows
        for sha256 in sorted(self._active):  # an order that does not depend on which model came first
            active = self._active[sha256]
            if sha256 == message.bundle_sha256:
                continue
            rows, messages = active.missed(message)
            if rows < enough or messages < QUIET_MESSAGES:
                continue
            del self._active[sha256]
            if active.window is not None and active.window.rows:
                reports.append(self._report(active, active.window, offset, message.written_at_ms))
        return reports

    def _report(self, active: "_ActiveModel", window: OpenWindow, next_offset: int, written_at_ms: int) -> DriftReport:
        active.window = None
        still_open = (each.window.first_offset for each in self._active.values() if each.window is not None)
        newest = active.newest
        report = active.reporter.close(
            window,
            newest,
            self._previous.get(newest.bundle_sha256, PreviousReport()),
            next_offset=next_offset,
            settled_offset=min(still_open, default=next_offset),
            written_at_ms=written_at_ms,
        )
        self._previous[newest.bundle_sha256] = previous_report(report)
        return report


class _ActiveModel:
    """The state of one bundle that has a role."""

    def __init__(self, manifest: Manifest, newest: DriftCounts, limits: DriftLimits) -> None:
        self._limits = limits
        # What other bundles counted since this bundle's newest message: rows by bundle, messages by bundle and worker.
        self._missed_rows: Counter[str] = Counter()
        self._missed_messages: Counter[tuple[str, str]] = Counter()
        self.newest = newest
        self.reporter = DriftReporter(manifest, limits)
        width = self.reporter.binning.width
        self.window: OpenWindow | None = None
        self._by_rows = RollingByRows(width, limits.window_rows)
        self._by_time = RollingByTime(width, limits.pane_s * 1000, limits.rolling_s * 1000)

    def add(self, offset: int, message: DriftCounts, counts: Counts) -> OpenWindow:
        """Add one of this model's messages, and return the window that now contains it."""
        self.newest = message
        self._missed_rows.clear()
        self._missed_messages.clear()
        if self.window is None:
            self.window = OpenWindow(self.reporter.binning.width, offset, self._limits)
        self.window.add(message, counts)
        self._by_rows.update(counts, message.rows)
        # Advance first, because after a long pause the rows would be too far ahead of the old end to be kept.
        if self.window.watermark_ms is not None:
            self._by_time.advance(self.window.watermark_ms)
        if message.pane_ms is not None:
            self._by_time.update(message.pane_ms, counts)
        return self.window

    def missed(self, message: DriftCounts) -> tuple[int, int]:
        """Register a message from another model.

        Returns:
            Number of rows that the other model has counted since this model's newest message, and number of messages
            about that model from the same worker.
        """
        bundle, source = message.bundle_sha256, (message.bundle_sha256, message.instance)
        self._missed_rows[bundle] += message.rows
        self._missed_messages[source] += 1
        return self._missed_rows[bundle], self._missed_messages[source]

    def view(self, number: int, window_rows: int) -> DriftView:
        """Return the drift state of this model, for display.

        Args:
            number: Number of the bundle's newest report.
            window_rows: Number of rows in a full window.
        """
        statistics = self.reporter.statistics
        rows = self.window.rows if self.window else 0
        by_rows, by_time = statistics.measure(self._by_rows.counts), statistics.measure(self._by_time.counts)
        return DriftView(self.newest, rows, window_rows, number, statistics.names, by_rows, by_time)


def _vector(binning: Binning, message: DriftCounts) -> Counts:
    """Return the (width,) counts in a message.

    Raises:
        ValueError: If the counts were made with other bins, or do not add up to the message's number of rows.
    """
    counts = binning.join(message.features, message.scores)
    starts = [column.start for column in (*binning.features, binning.score)]
    if (np.add.reduceat(counts, starts) != message.rows).any():
        raise ValueError("counts do not add up to the message's number of rows")
    return counts
