"""One model's window that is still filling: counts added up since its last report."""

import numpy as np

from schemas.messages import DriftCounts
from stream.drift.grid import Counts
from stream.drift.rule import DriftLimits
from stream.evaluation.watermark import PartitionTime, advance


class OpenWindow:
    """Everything that a report needs, in O(bins) memory. All of it comes from the window's own messages.

    Args:
        width: Of the counts.
        first_offset: Of its first message.
        limits: What makes it full.

    Attributes:
        counts: (width,) added up.
        rows: How many.
        ahead: Of these, dated too far ahead of the clock.
        reviews: Of these.
        declines: Of these.
        score_sum: Of all scores.
        alert_score_sum: Of the scores of reviews and declines.
        first_pane_ms: Begin of its earliest pane; None while every row was dated too far ahead.
        last_pane_ms: Begin of its latest pane, likewise.
        watermark_ms: Of event time, over the partitions that its messages name; None before the first.
    """

    def __init__(self, width: int, first_offset: int, limits: DriftLimits) -> None:
        self._limits = limits
        self._partitions: dict[int, PartitionTime] = {}
        self._began_ms: int | None = None
        self.first_offset = first_offset
        self.counts: Counts = np.zeros(width, dtype=np.int64)
        self.rows = self.ahead = self.reviews = self.declines = 0
        self.score_sum = self.alert_score_sum = 0.0
        self.first_pane_ms: int | None = None
        self.last_pane_ms: int | None = None
        self.watermark_ms: int | None = None

    def add(self, message: DriftCounts, counts: Counts) -> None:
        """Take in a message and its counts (width,)."""
        self.counts += counts
        self.rows += message.rows
        self.reviews += message.reviews
        self.declines += message.declines
        self.score_sum += message.score_sum
        self.alert_score_sum += message.alert_score_sum
        pane = message.pane_ms
        if pane is None:
            self.ahead += message.rows
        else:
            self.first_pane_ms = pane if self.first_pane_ms is None else min(self.first_pane_ms, pane)
            self.last_pane_ms = pane if self.last_pane_ms is None else max(self.last_pane_ms, pane)
        self._advance(message)

    @property
    def full(self) -> bool:
        """Whether it has the rows, and its watermark has passed over the event time, that a window takes."""
        if self.rows < self._limits.window_rows:
            return False
        if not self._limits.window_s:
            return True
        if self.watermark_ms is None or self._began_ms is None:
            return False
        return self.watermark_ms - self._began_ms >= self._limits.window_s * 1000

    def _advance(self, message: DriftCounts) -> None:
        now = message.written_at_ms
        for partition, event_ms in message.event_times.items():
            before = self._partitions.get(partition)
            highest = event_ms if before is None or before.highest_event_ms is None else before.highest_event_ms
            self._partitions[partition] = PartitionTime(max(highest, event_ms), now)
        lateness, idle = int(self._limits.lateness_s * 1000), int(self._limits.idle_s * 1000)
        self.watermark_ms = advance(
            self.watermark_ms, self._partitions.values(), now_ms=now, lateness_ms=lateness, idle_ms=idle
        )
        if self._began_ms is None:
            self._began_ms = self.watermark_ms
