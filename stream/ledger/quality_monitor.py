"""Measures the models' quality repeatedly, with pauses proportional to the duration of a measurement."""

import time
from collections.abc import Callable

from sqlalchemy import Engine

from stream.clock import Clock
from stream.ledger.gate_runner import DAY_MS
from stream.ledger.quality import ModelQuality, measure_quality
from stream.settings import Settings

#: Pause after a measurement, as a multiple of its duration. A measurement reads every transaction in its window; with
#: tens of millions of transactions, it takes minutes of database time that other queries need too.
PAUSE_FACTOR = 10.0


class QualityMonitor:
    """Measures the models' quality over the window in the settings.

    Args:
        engine: Migrated ledger database.
        settings: Settings for the length of the window, the maturity, and the allowed clock skew of labels.
        clock: Source of ingest time.
        monotonic: Monotonic clock in seconds; tests replace it.
    """

    def __init__(
        self, engine: Engine, settings: Settings, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine, self._settings, self._clock, self._monotonic = engine, settings, clock, monotonic
        self._paused_until = monotonic()

    def measure(self) -> ModelQuality | None:
        """Return every model's quality; None during a pause.

        Raises:
            LedgerUnavailableError: If the database is not responding; no pause follows.
        """
        began = self._monotonic()
        if began < self._paused_until:
            return None
        quality = measure_quality(
            self._engine,
            window_ms=self._settings.ledger.quality_days * DAY_MS,
            maturity_ms=self._settings.gate.maturity_days * DAY_MS,
            latest_ms=self._clock.now_ms() + round(self._settings.watermark.max_clock_skew_s * 1000),
        )
        ended = self._monotonic()
        self._paused_until = ended + PAUSE_FACTOR * (ended - began)
        return quality
