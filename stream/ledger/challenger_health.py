"""Measures a challenger's serving health (latency and score parity) from the newest decisions."""

import math
from collections.abc import Callable

import numpy as np
from sqlalchemy import Engine, func, select

from schemas.messages import BundleRef
from stream.evaluation.guardrails import ServingHealth
from stream.ledger.database import reading
from stream.ledger.gate_runner import MeasureHealth
from stream.ledger.tables import decisions

#: Number of most recent decisions over which latency is measured.
LATENCY_DECISIONS = 10_000

#: Function of a challenger's bundle and a time (UTC milliseconds). It scores earlier transactions again and returns the
#: largest difference from the challenger's live scores; NaN if there are no earlier transactions.
ParityGap = Callable[[BundleRef, int], float]


def health_meter(engine: Engine, parity_gap: ParityGap) -> MeasureHealth:
    """Return a function that measures a challenger's serving health: its latency and its score parity.

    Latency is the 99th percentile of the time from reading a transaction to having the scores of all models, in
    milliseconds. It covers all models because a promoted challenger serves together with the others.

    Args:
        engine: Ledger database.
        parity_gap: Function that returns the largest difference between a challenger's live scores and scores computed
            again from the same transactions.

    Returns:
        The function; it raises LedgerUnavailableError if the database is not responding, and any error that
        `parity_gap` raises.
    """

    def measure_health(challenger: BundleRef) -> ServingHealth:
        newest = select(decisions.c.latency_ms).order_by(decisions.c.ingested_at_ms.desc()).limit(LATENCY_DECISIONS)
        with reading(engine) as connection:
            latencies = connection.execute(newest).scalars().all()
            scored_at_ms: int | None = connection.execute(select(func.max(decisions.c.scored_at_ms))).scalar()
        if scored_at_ms is None:
            return ServingHealth(math.nan, math.nan)
        return ServingHealth(float(np.percentile(latencies, 99)), parity_gap(challenger, scored_at_ms + 1))

    return measure_health
