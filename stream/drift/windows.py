"""Windows that roll, for displays; alarms come from windows that tumble (`stream.drift.merge`).

Counts of the panes that a window covers are added up as panes enter (update) and taken off as they leave (revert):
after any number of steps the sum is what adding the panes up from scratch gives.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from stream.drift.grid import Counts

#: Panes of a window by count: it is this exact, a twentieth of its rows.
PANES = 20


class RollingByRows:
    """The last so many rows, rounded up to whole panes, in `PANES` + 1 vectors.

    A pane is closed by the update that brings it to its share of the rows; the oldest leaves when the others have
    enough.

    Args:
        width: Of the counts.
        rows: That it holds, at least, once so many have come; at least `PANES`.

    Attributes:
        counts: (width,) of the rows in the window.
        rows: How many these are.
    """

    def __init__(self, width: int, rows: int) -> None:
        self._wanted = rows
        self._panes: deque[tuple[Counts, int]] = deque()
        self.counts: Counts = np.zeros(width, dtype=np.int64)
        self.rows = 0

    def update(self, counts: Counts, rows: int) -> None:
        """Take in counts (width,) of so many rows that came together."""
        if not self._panes or self._panes[-1][1] >= self._wanted / PANES:
            self._panes.append((np.zeros_like(self.counts), 0))
        pane, held = self._panes[-1]
        pane += counts
        self._panes[-1] = (pane, held + rows)
        self.counts += counts
        self.rows += rows
        while self.rows - self._panes[0][1] >= self._wanted:
            self._revert(*self._panes.popleft())

    def _revert(self, counts: Counts, rows: int) -> None:
        self.counts -= counts
        self.rows -= rows


class RollingByTime:
    """Rows whose event time lies in [end - length, end), `end` being the end of the watermark's pane.

    What is dated later, and not too far ahead, waits in its pane until the watermark comes to it.

    Args:
        width: Of the counts.
        pane_ms: Panes begin at multiples of it.
        length_ms: Of the window; a multiple of `pane_ms`, else rounded up to one.

    Attributes:
        counts: (width,) of the rows in the window.
    """

    def __init__(self, width: int, pane_ms: int, length_ms: int) -> None:
        self._pane_ms = pane_ms
        self._length_ms = -(-length_ms // pane_ms) * pane_ms
        # 32 bits: four thousand million rows of one pane's bin come to nobody.
        self._panes: dict[int, NDArray[np.uint32]] = {}
        self._end_ms: int | None = None
        self.counts: Counts = np.zeros(width, dtype=np.int64)

    def update(self, event_ms: int, counts: Counts) -> bool:
        """Take in counts (width,) of rows of one pane; False where it is in no window any more, or none for long.

        Args:
            event_ms: Any moment of the pane.
            counts: Of its rows.
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
        """Move the window's end to the end of the watermark's pane; never back."""
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
