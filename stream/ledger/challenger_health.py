"""What the newest decisions tell of a challenger's health."""

import math
from collections.abc import Callable

import numpy as np
from sqlalchemy import Engine, func, select

from schemas.messages import BundleRef
from stream.evaluation.guardrails import Observed
from stream.ledger.database import reading
from stream.ledger.gate_runner import Observe
from stream.ledger.tables import decisions

#: Decisions whose latency is looked at.
NEWEST = 10_000

#: Largest difference between a challenger's live scores and the same transactions scored again, of the transactions
#: before a moment (UTC milliseconds); NaN without any.
ParityGap = Callable[[BundleRef, int], float]


def observer(engine: Engine, parity_gap: ParityGap) -> Observe:
    """Return what measures a challenger's health.

    The latency is the 99th percentile of milliseconds from reading a transaction to its score, all models included:
    whoever promotes the challenger gets it together with the others.

    Returns:
        What raises LedgerAwayError when the database does not answer, and whatever `parity_gap` raises.
    """

    def observe(challenger: BundleRef) -> Observed:
        newest = select(decisions.c.latency_ms).order_by(decisions.c.ingested_at_ms.desc()).limit(NEWEST)
        with reading(engine) as connection:
            latencies = connection.execute(newest).scalars().all()
            scored_at_ms: int | None = connection.execute(select(func.max(decisions.c.scored_at_ms))).scalar()
        if scored_at_ms is None:
            return Observed(math.nan, math.nan)
        return Observed(float(np.percentile(latencies, 99)), parity_gap(challenger, scored_at_ms + 1))

    return observe
