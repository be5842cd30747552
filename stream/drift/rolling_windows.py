"""Rolling windows of counts, for display. Alarms come from tumbling windows (`stream.drift.counts_merger`).

A pane's counts are added when the pane enters the window (update) and subtracted when it leaves (revert). After any
number of steps, the result equals the sum over all panes in the window, computed from scratch.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from stream.drift.binning import Counts

#: Number of panes in a window by rows. The window's length is accurate to within one pane.
PANES = 20


class RollingByRows:
    """A window of the newest rows, rounded up to whole panes; it stores at most `PANES` + 1 vectors.

    A pane is complete after the update that brings it to its share of the rows. The oldest pane leaves as soon as the
    other panes have enough rows.

    Args:
        width: Length of the vectors of counts.
        rows: Smallest number of rows in a full window; at least `PANES`.

    Attributes:
        counts: (width,) counts of the rows in the window.
        rows: Number of rows in the window.
    """

    def __init__(self, width: int, rows: int) -> None:
        self._window_rows = rows
        self._panes: deque[tuple[Counts, int]] = deque()
        self.counts: Counts = np.zeros(width, dtype=np.int64)
        self.rows = 0

    def update(self, counts: Counts, rows: int) -> None:
        """Add the counts of rows that were counted together.

        Args:
            counts: (width,) counts of the rows.
            rows: Number of rows.
        """
        if not self._panes or self._panes[-1][1] >= self._window_rows / PANES:
            self._panes.append((np.zeros_like(self.counts), 0))
        pane, pane_rows = self._panes[-1]
        pane += counts
        self._panes[-1] = (pane, pane_rows + rows)
        self.counts += counts
        self.rows += rows
        while self.rows - self._panes[0][1] >= self._window_rows:
            self._revert(*self._panes.popleft())

    def _revert(self, counts: Counts, rows: int) -> None:
        self.counts -= counts
        self.rows -= rows


class RollingByTime:
    """A window of event time [end - length, end), where `end` is the end of the pane that contains the watermark.

    Rows with a later event time, up to one window length ahead, wait in their pane until the watermark reaches it.

    Args:
        width: Length of the vectors of counts.
        pane_ms: Length of a pane in milliseconds; panes start at multiples of this length.
        length_ms: Length of the window in milliseconds, rounded up to a multiple of `pane_ms`.

    Attributes:
        counts: (width,) counts of the rows in the window.
    """

    def __init__(self, width: int, pane_ms: int, length_ms: int) -> None:
        self._pane_ms = pane_ms
        self._length_ms = -(-length_ms // pane_ms) * pane_ms
        # 32 bits are enough, because no bin of a single pane ever gets four billion rows.
        self._panes: dict[int, NDArray[np.uint32]] = {}
        self._end_ms: int | None = None
        self.counts: Counts = np.zeros(width, dtype=np.int64)

    def update(self, event_ms: int, counts: Counts) -> bool:
        """Add the counts of rows in one pane; return False if the pane is too old or too far ahead to be kept.

        Args:
            event_ms: Any event time in the pane, UTC milliseconds.
            counts: (width,) counts of the rows.
        """
        begin = event_ms // self._pane_ms * self._pane_ms
        if self._end_ms is not None and not self._first_ms <= begin < self._end_ms + self._length_ms:
            return False
        pane = self._panes.setdefault(begin, np.zeros(len(self.counts), dtype=np.uint32))
        pane += counts.astype(np.uint32)
        if self._end_ms is not None and begin < self._end_ms:
            self.counts += counts
        return True

    def advance(self, watermark_ms: int) -> None:
        """Move the window's end to the end of the pane that contains the watermark, but never backwards."""
        end = (watermark_ms // self._pane_ms + 1) * self._pane_ms
        before = self._end_ms
        if before is not None and end <= before:
            return
        self._end_ms = end
        for begin in [*self._panes]:
            entered = before is not None and begin < before
            if begin < self._first_ms:
                pane = self._panes.pop(begin)
                if entered:
                    self.counts -= pane
            elif begin < end and not entered:
                self.counts += self._panes[begin]
            elif begin >= end + self._length_ms:
                del self._panes[begin]

    @property
    def _first_ms(self) -> int:
        return (self._end_ms or 0) - self._length_ms
