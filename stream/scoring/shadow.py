"""A challenger's part in a batch: it scores what the champion decided, and whatever ails it stays its own."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import ModelFaultError
from schemas.messages import Decision, ShadowScore, Transaction
from stream.scoring.fault import score_or_isolate
from stream.scoring.features import FeaturePlan, Matrix
from stream.scoring.model import ScoringModel
from stream.scoring.policy import VERDICTS, severities
from stream.scoring.rows import Rows

_number = msgspec.json.Decoder(float | None)


class Shadow:
    """Scores with one challenger.

    Args:
        model: The challenger.
        champion: The champion's plan, whose columns the rows already hold.
        extra: Names that the codec reads for challengers beyond the champion's, in its order.
    """

    def __init__(self, model: ScoringModel, champion: FeaturePlan, extra: Sequence[str]) -> None:
        self._model = model
        # Challengers mostly share the champion's features; then its matrix serves as it is.
        self._same_matrix = (
            model.plan.names == champion.names
            and model.plan.numeric == champion.numeric
            and model.plan.missing == champion.missing
            and np.array_equal(model.plan.medians, champion.medians)
        )
        self._from_champion = [champion.numeric.index(n) for n in model.plan.numeric if n in champion.numeric]
        self._to = [i for i, n in enumerate(model.plan.numeric) if n in champion.numeric]
        width = len(champion.numeric)
        self._extra = [(i, width + extra.index(n)) for i, n in enumerate(model.plan.numeric) if n in extra]

    def score(self, rows: Rows, decisions: Sequence[Decision]) -> list[ShadowScore]:
        """Return one shadow score for each decision; those that could not be scored say why."""
        problems: list[str | None] = [None] * len(decisions)
        matrix = rows.matrix if self._same_matrix else self._matrix(rows, problems)
        usable = np.array([problem is None for problem in problems], dtype=np.bool_)
        scores = np.full(len(decisions), np.nan, dtype=np.float32)
        try:
            scores[usable], scored = score_or_isolate(self._model, matrix[usable])
        except ModelFaultError as error:
            scored = np.zeros(int(usable.sum()), dtype=np.bool_)
            fault = str(error)
        else:
            fault = "the model gives no score for this transaction"
        for i in np.flatnonzero(usable)[~scored]:
            problems[i] = fault
        return self._records(rows, decisions, scores, problems)

    def _matrix(self, rows: Rows, problems: list[str | None]) -> Matrix:
        plan = self._model.plan
        numeric = np.full((len(rows.transactions), len(plan.numeric)), np.nan)
        numeric[:, self._to] = rows.numeric[:, self._from_champion]
        for column, at in self._extra:
            for i, transaction in enumerate(rows.transactions):
                value, problem = _read_extra(transaction, at, plan.numeric[column])
                numeric[i, column] = value
                problems[i] = problems[i] or problem
        matrix = plan.matrix(numeric, rows.amounts)
        for found, what in ((plan.first_infinite(matrix), "not finite"), (plan.first_refused_null(matrix), "null")):
            for row in np.flatnonzero(found >= 0).tolist():
                problems[row] = problems[row] or f"feature {plan.names[found[row]]} is {what}"
        return matrix

    def _records(
        self, rows: Rows, decisions: Sequence[Decision], scores: NDArray[np.float32], problems: Sequence[str | None]
    ) -> list[ShadowScore]:
        manifest, sha256 = self._model.manifest, self._model.sha256
        name, version, threshold = manifest.name, manifest.version, manifest.policy.review
        verdicts = severities(scores, manifest.policy, rows.amounts)
        return [
            ShadowScore(
                decision.decision_id,
                decision.transaction_id,
                decision.card_id,
                decision.event_time_ms,
                score if problem is None else None,
                threshold,
                VERDICTS[verdict] if problem is None else None,
                problem,
                name,
                version,
                sha256,
                decision.role_epoch,
                decision.scored_at_ms,
            )
            for decision, score, verdict, problem in zip(
                decisions, scores.tolist(), verdicts.tolist(), problems, strict=True
            )
        ]


def _read_extra(transaction: Transaction[Any], at: int, name: str) -> tuple[float, str | None]:
    raw = msgspec.structs.astuple(transaction.features)[at]
    if not bytes(raw):
        return np.nan, f"feature {name} is missing"
    try:
        value = _number.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return np.nan, f"feature {name} is no number"
    return (np.nan if value is None else value), None
