"""A challenger's part in a batch: it scores what the champion decided, and whatever ails it stays its own."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import ModelFaultError
from schemas.messages import Decision, ShadowScore
from stream.scoring.fault import score_or_isolate
from stream.scoring.features import FeaturePlan, Matrix
from stream.scoring.given import NUMBERS, STRINGS
from stream.scoring.model import ScoringModel
from stream.scoring.policy import VERDICTS, severities, thresholds
from stream.scoring.rows import Rows


class Shadow:
    """Scores with one challenger.

    Args:
        model: The challenger.
        champion: The champion's plan, whose columns the rows already hold.
        extra: Names that the codec reads for challengers beyond the champion's, in its order.
    """

    def __init__(self, model: ScoringModel, champion: FeaturePlan, extra: Sequence[str]) -> None:
        self._model = model
        plan = model.plan
        # Challengers mostly share the champion's features; then its matrix serves as it is.
        self._same_matrix = (plan.features, plan.missing) == (champion.features, champion.missing)
        self._from_champion = [champion.numeric.index(n) for n in plan.numeric if n in champion.numeric]
        self._to = [i for i, n in enumerate(plan.numeric) if n in champion.numeric]
        place = {name: i for i, name in enumerate((*champion.numeric, *champion.categorical, *extra))}
        self._numbers = [(i, n, place[n]) for i, n in enumerate(plan.numeric) if n not in champion.numeric]
        self._strings = [(i, n, place[n]) for i, n in enumerate(plan.categorical)]
        self._reads = bool(self._numbers or self._strings)

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
        count = len(rows.transactions)
        given = [msgspec.structs.astuple(each.features) for each in rows.transactions] if self._reads else []
        numeric = np.empty((count, len(plan.numeric)))
        numeric[:, self._to] = rows.numeric[:, self._from_champion]
        for column, name, place in self._numbers:
            numeric[:, column] = np.array(NUMBERS.column(given, place, name, problems), dtype=np.float64)
        codes = np.empty((count, len(plan.categorical)))
        for column, name, place in self._strings:
            codes[:, column] = plan.codes(name, STRINGS.column(given, place, name, problems))
        matrix = plan.matrix(numeric, codes, rows.amounts, rows.times)
        for found, what in ((plan.first_infinite(matrix), "not finite"), (plan.first_refused_null(matrix), "null")):
            for row in np.flatnonzero(found >= 0).tolist():
                problems[row] = problems[row] or f"feature {plan.names[found[row]]} is {what}"
        return matrix

    def _records(
        self, rows: Rows, decisions: Sequence[Decision], scores: NDArray[np.float32], problems: Sequence[str | None]
    ) -> list[ShadowScore]:
        manifest, sha256 = self._model.manifest, self._model.sha256
        name, version = manifest.name, manifest.version
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
            for decision, score, threshold, verdict, problem in zip(
                decisions,
                scores.tolist(),
                thresholds(manifest.policy, rows.amounts).tolist(),
                verdicts.tolist(),
                problems,
                strict=True,
            )
        ]
