"""Looks at the models' quality again and again, and rests the longer the longer a look takes."""

import time
from collections.abc import Callable

from sqlalchemy import Engine

from stream.clock import Clock
from stream.ledger.gate_runner import DAY_MS
from stream.ledger.quality import Quality, quality
from stream.settings import Settings

#: After a look, so many times what it took are left to the others: a look reads every transaction of its window, and
#: with tens of millions of them that is minutes of the database's time.
REST = 10.0


class QualityWatch:
    """Measures as the settings say.

    Args:
        engine: The ledger's database, up to date.
        settings: Window, maturity, and how far ahead of the clock an event time is believed.
        clock: Ingest time.
        ticks: Seconds that never go back; replaced by tests.
    """

    def __init__(
        self, engine: Engine, settings: Settings, clock: Clock, *, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine, self._settings, self._clock, self._ticks = engine, settings, clock, ticks
        self._rests_until = ticks()

    def look(self) -> Quality | None:
        """Return how good every model has been; None while it rests.

        Raises:
            LedgerAwayError: If the database does not answer.
        """
        began = self._ticks()
        if began < self._rests_until:
            return None
        found = quality(
            self._engine,
            window_ms=self._settings.ledger.quality_days * DAY_MS,
            maturity_ms=self._settings.gate.maturity_days * DAY_MS,
            latest_ms=self._clock.now_ms() + round(self._settings.watermark.max_clock_skew_s * 1000),
        )
        ended = self._ticks()
        self._rests_until = ended + REST * (ended - began)
        return found
