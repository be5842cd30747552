"""Scores with a challenger without affecting the champion; the challenger's problems go into its own shadow scores."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import ModelFaultError
from stream.scoring.accepted_rows import AcceptedRows
from stream.scoring.fault_isolation import score_or_isolate
from stream.scoring.features import Matrix
from stream.scoring.model import ModelInRole, ScoringModel
from stream.scoring.model_scores import ModelScores, apply_policy
from stream.scoring.raw_features import NUMBERS, STRINGS


class ShadowScorer:
    """Scores the accepted rows in a batch with one challenger.

    Args:
        challenger: Challenger to score with.
        champion: The champion's model, whose columns the rows already contain.
        extra: Names of the features that the codec decodes in addition to the champion's features, in codec order.
    """

    def __init__(self, challenger: ModelInRole, champion: ScoringModel, extra: Sequence[str]) -> None:
        self._challenger, self._model = challenger, challenger.model
        self._is_champions_model = challenger.model.sha256 == champion.sha256
        plan, champions = challenger.model.plan, champion.plan
        # Most challengers have the champion's features and can use its matrix unchanged.
        self._same_matrix = (plan.features, plan.missing) == (champions.features, champions.missing)
        self._from_champion = [champions.numeric.index(n) for n in plan.numeric if n in champions.numeric]
        self._to = [i for i, n in enumerate(plan.numeric) if n in champions.numeric]
        position = {name: i for i, name in enumerate((*champions.numeric, *champions.categorical, *extra))}
        self._numbers = [(i, n, position[n]) for i, n in enumerate(plan.numeric) if n not in champions.numeric]
        self._strings = [(i, n, position[n]) for i, n in enumerate(plan.categorical)]
        self._reads_structs = bool(self._numbers or self._strings)

    def score(self, rows: AcceptedRows, champion: ModelScores) -> ModelScores:
        """Return the challenger's scores for the rows; `problems` says why a row has no score.

        Args:
            rows: Accepted rows, built for the champion.
            champion: The champion's scores for the same rows.
        """
        if self._is_champions_model:  # another policy over the same scores
            same = (champion.raw_features, champion.matrix, champion.scores)
            return apply_policy(self._challenger, *same, rows.amounts, problems=champion.problems)
        problems: list[str | None] = [None] * len(rows.transactions)
        if self._same_matrix:
            raw_features, matrix = rows.raw_features, rows.matrix
        else:
            raw_features, matrix = self._build_matrix(rows, problems)
        if any(problems):
            usable = np.flatnonzero([problem is None for problem in problems])
            scores = np.full(len(problems), np.nan, dtype=np.float32)
            scores[usable] = self._score_usable(matrix[usable], usable.tolist(), problems)
        else:  # the usual case, without a copy
            scores = self._score_usable(matrix, range(len(problems)), problems)
        return apply_policy(self._challenger, raw_features, matrix, scores, rows.amounts, problems=problems)

    def _score_usable(self, matrix: Matrix, indices: Sequence[int], problems: list[str | None]) -> NDArray[np.float32]:
        """Return the (n,) scores, with NaN for a row without a score, and set the problem of each such row."""
        try:
            scores, scored = score_or_isolate(self._model, matrix)
        except ModelFaultError as error:
            for index in indices:
                problems[index] = str(error)
            return np.full(len(matrix), np.nan, dtype=np.float32)
        if not scored.all():
            for i in np.flatnonzero(~scored).tolist():
                problems[indices[i]] = "the model gives no score for this transaction"
        return scores

    def _build_matrix(self, rows: AcceptedRows, problems: list[str | None]) -> tuple[Matrix, Matrix]:
        """Return the (n, n_features) raw features and model input, and set the problem of each unusable row."""
        plan = self._model.plan
        count = len(rows.transactions)
        structs = [msgspec.structs.astuple(each.features) for each in rows.transactions] if self._reads_structs else []
        numeric = np.empty((count, len(plan.numeric)))
        numeric[:, self._to] = rows.numeric[:, self._from_champion]
        for column, name, position in self._numbers:
            numeric[:, column] = np.array(NUMBERS.column(structs, position, name, problems), dtype=np.float64)
        codes = np.empty((count, len(plan.categorical)))
        for column, name, position in self._strings:
            codes[:, column] = plan.codes(name, STRINGS.column(structs, position, name, problems))
        raw_features = plan.raw_features(numeric, codes, rows.amounts, rows.times)
        matrix = plan.fill_missing(raw_features)
        for first, defect in ((plan.first_infinite(matrix), "not finite"), (plan.first_refused_null(matrix), "null")):
            for row in np.flatnonzero(first >= 0).tolist():
                problems[row] = problems[row] or f"feature {plan.names[first[row]]} is {defect}"
        return raw_features, matrix
