"""Turns the ledger's rows into the pairs that the gate compares: both models' verdicts, the outcome and the weight."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from schemas.errors import DataError
from schemas.messages import Exploration
from stream.evaluation.cohorts import MISSING, Pairs
from stream.evaluation.outcome import SOURCES, LabelColumns, outcomes
from stream.evaluation.weights import is_unobservable, weights
from stream.ledger.history import Labels, MaturedDecisions
from stream.scoring.policy import VERDICTS

_CODES: dict[str | None, int] = {verdict: code for code, verdict in enumerate(VERDICTS)} | {None: MISSING}
_DECLINE = VERDICTS.index("decline")


def make_pairs(
    rows: MaturedDecisions, explorations: Mapping[int, Exploration | None], *, watermark_ms: int, maturity_ms: int
) -> Pairs:
    """Return a pair for each of the ledger's rows, except for rows that lack an amount or the champion's score.

    Args:
        rows: Decisions of one champion and one challenger.
        explorations: For each role epoch, the settings that determined which would-be declines were let through; an
            epoch that is missing let none through.
        watermark_ms: Event time up to which labels are complete, UTC milliseconds.
        maturity_ms: Label delay in milliseconds.

    Raises:
        DataError: If the amounts are in several currencies, so that their costs cannot be added up.
    """
    currencies = {currency for currency in rows.currency if currency}
    if len(currencies) > 1:
        raise DataError(
            f"amounts are in {', '.join(sorted(currencies))}, but costs can be added up in one currency only; "
            "run a separate stream for each currency"
        )
    champion, challenger = verdict_codes(rows.champion_verdict), verdict_codes(rows.challenger_verdict)
    has_amount = ~np.isnan(rows.amount_minor)
    amounts = np.where(has_amount, rows.amount_minor, 0).astype(np.int64)
    outcome = outcomes(
        verdict_codes(rows.verdict),
        rows.event_time_ms,
        label_columns(rows.labels),
        watermark_ms=watermark_ms,
        maturity_ms=maturity_ms,
    )
    would_decline = np.where(rows.by_challenger, challenger, champion) == _DECLINE
    share = _exploration_shares(rows, amounts, explorations)
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
        is_unobservable(outcome, would_decline, share),
    )
    return pairs.take(has_amount & (champion != MISSING))


def verdict_codes(verdicts: Iterable[str | None]) -> NDArray[np.int8]:
    """Return the (n,) verdicts as indices into `VERDICTS`, with `MISSING` for None."""
    return np.array([_CODES[verdict] for verdict in verdicts], dtype=np.int8)


def _exploration_shares(
    rows: MaturedDecisions, amounts: NDArray[np.int64], explorations: Mapping[int, Exploration | None]
) -> NDArray[np.float64]:
    """Return (n,) probabilities that a would-be decline of the row's amount was let through."""
    share = np.zeros(len(rows))
    for epoch, exploration in explorations.items():
        if exploration is not None:
            eligible = (rows.role_epoch == epoch) & (amounts <= exploration.max_amount_minor)
            share[eligible] = exploration.share
    return share


def label_columns(labels: Labels) -> LabelColumns:
    """Return the ledger's labels in the form that `stream.evaluation.outcome` takes."""
    return LabelColumns(
        labels.decision.astype(np.intp),
        np.array([SOURCES.index(source) for source in labels.source], dtype=np.int8),
        labels.event_time_ms,
        # The ledger orders each transaction's labels by event time and id, so their indices sort as their ids do.
        np.arange(len(labels.fraud)).astype(np.object_),
        labels.fraud,
    )
