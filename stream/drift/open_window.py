"""The open window of one model: the sum of its counts since the last report."""

import numpy as np

from schemas.messages import DriftCounts
from stream.drift.alarm_rule import DriftLimits
from stream.drift.binning import Counts
from stream.evaluation.watermark import PartitionTime, advance


class OpenWindow:
    """Everything that a report needs from the window's messages, in O(bins) memory.

    Args:
        width: Length of the vectors of counts.
        first_offset: Offset of the window's first message.
        limits: Number of rows and span of event time that make the window full.

    Attributes:
        counts: (width,) sum of the messages' counts.
        rows: Number of rows in the window.
        ahead: Number of rows with an event time too far in the future.
        reviews: Number of rows with the verdict review.
        declines: Number of rows with the verdict decline.
        score_sum: Sum of all scores in the window.
        alert_score_sum: Sum of the scores of reviews and declines.
        first_pane_ms: Start of the earliest pane, UTC milliseconds; None while every row is too far in the future.
        last_pane_ms: Start of the latest pane, UTC milliseconds; None while every row is too far in the future.
        watermark_ms: Event-time watermark over the partitions in the window's messages, UTC milliseconds; None while
            there is no usable event time.
    """

    def __init__(self, width: int, first_offset: int, limits: DriftLimits) -> None:
        self._limits = limits
        self._partitions: dict[int, PartitionTime] = {}
        self._first_watermark_ms: int | None = None
        self.first_offset = first_offset
        self.counts: Counts = np.zeros(width, dtype=np.int64)
        self.rows = self.ahead = self.reviews = self.declines = 0
        self.score_sum = self.alert_score_sum = 0.0
        self.first_pane_ms: int | None = None
        self.last_pane_ms: int | None = None
        self.watermark_ms: int | None = None

    def add(self, message: DriftCounts, counts: Counts) -> None:
        """Add a message's counts to the window.

        Args:
            message: Message of the model, as published.
            counts: (width,) the message's counts as a vector.
        """
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
        """Whether the window has enough rows and its watermark has advanced far enough."""
        if self.rows < self._limits.window_rows:
            return False
        if not self._limits.window_s:
            return True
        if self.watermark_ms is None or self._first_watermark_ms is None:
            return False
        return self.watermark_ms - self._first_watermark_ms >= self._limits.window_s * 1000

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
        if self._first_watermark_ms is None:
            self._first_watermark_ms = self.watermark_ms
