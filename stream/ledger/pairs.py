"""From the ledger's rows to what the gate judges: what both models say, what became of it, and what it stands for."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from schemas.errors import DataError
from schemas.messages import Exploration
from stream.evaluation.cohorts import MISSING, Pairs
from stream.evaluation.outcome import SOURCES, LabelColumns, outcomes
from stream.evaluation.weights import is_unseen, weights
from stream.ledger.history import Labels, Matured
from stream.scoring.policy import VERDICTS

_CODES: dict[str | None, int] = {verdict: code for code, verdict in enumerate(VERDICTS)} | {None: MISSING}
_DECLINE = VERDICTS.index("decline")


def as_pairs(
    rows: Matured, explorations: Mapping[int, Exploration | None], *, watermark_ms: int, maturity_ms: int
) -> Pairs:
    """Return the pairs of the ledger's rows; those without an amount, or without the champion's score, are left out.

    Args:
        rows: Of one champion and one challenger.
        explorations: By role epoch, what was let through then; an epoch that is missing explored nothing.
        watermark_ms: Up to where labels are known to be read.
        maturity_ms: How long a label may take.

    Raises:
        DataError: If amounts are in several currencies, which costs cannot add up.
    """
    currencies = {currency for currency in rows.currency if currency}
    if len(currencies) > 1:
        raise DataError(
            f"amounts are in {', '.join(sorted(currencies))}, and costs add up in one currency only; "
            "run a stream for each currency"
        )
    champion, challenger = verdict_codes(rows.champion_verdict), verdict_codes(rows.challenger_verdict)
    known = ~np.isnan(rows.amount_minor)
    amounts = np.where(known, rows.amount_minor, 0).astype(np.int64)
    outcome = outcomes(
        verdict_codes(rows.verdict),
        rows.event_time_ms,
        label_columns(rows.labels),
        watermark_ms=watermark_ms,
        maturity_ms=maturity_ms,
    )
    would_decline = np.where(rows.by_challenger, challenger, champion) == _DECLINE
    share = _shares(rows, amounts, explorations)
    pairs = Pairs(
        rows.event_time_ms,
        np.unique(rows.card_id.astype(str), return_inverse=True)[1].astype(np.int64),
        amounts,
        champion,
        rows.champion_score,
        challenger,
        rows.challenger_score,
        outcome,
        weights(outcome, would_decline, rows.arm == "exploration", share),
        is_unseen(outcome, would_decline, share),
    )
    return pairs.take(known & (champion != MISSING))


def verdict_codes(verdicts: Iterable[str | None]) -> NDArray[np.int8]:
    """Return (n,) places in `VERDICTS`; `MISSING` where there is none."""
    return np.array([_CODES[verdict] for verdict in verdicts], dtype=np.int8)


def _shares(
    rows: Matured, amounts: NDArray[np.int64], explorations: Mapping[int, Exploration | None]
) -> NDArray[np.float64]:
    """Return (n,) with which chance a would-be decline of this amount was let through."""
    share = np.zeros(len(rows))
    for epoch, exploration in explorations.items():
        if exploration is not None:
            reached = (rows.role_epoch == epoch) & (amounts <= exploration.max_amount_minor)
            share[reached] = exploration.share
    return share


def label_columns(labels: Labels) -> LabelColumns:
    """Return the ledger's labels as `stream.evaluation.outcome` takes them."""
    return LabelColumns(
        labels.decision.astype(np.intp),
        np.array([SOURCES.index(source) for source in labels.source], dtype=np.int8),
        labels.event_time_ms,
        # The ledger gives each transaction's labels in order of time and id, so their places order them as well.
        np.arange(len(labels.fraud)).astype(np.object_),
        labels.fraud,
    )
