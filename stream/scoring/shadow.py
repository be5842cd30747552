"""A challenger's part in a batch: it scores what the champion decided, and whatever ails it stays its own."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import ModelFaultError
from stream.scoring.fault import score_or_isolate
from stream.scoring.features import Matrix
from stream.scoring.judgement import Judgement, judge
from stream.scoring.model import Player, ScoringModel
from stream.scoring.raw_features import NUMBERS, STRINGS
from stream.scoring.rows import Rows


class Shadow:
    """Scores with one challenger.

    Args:
        player: The challenger.
        champion: The champion's model, whose columns the rows already hold.
        extra: Names that the codec reads for challengers beyond the champion's, in its order.
    """

    def __init__(self, player: Player, champion: ScoringModel, extra: Sequence[str]) -> None:
        self._player, self._model = player, player.model
        self._is_champions = player.model.sha256 == champion.sha256
        plan, champions = player.model.plan, champion.plan
        # Challengers mostly share the champion's features; then its matrix serves as it is.
        self._same_matrix = (plan.features, plan.missing) == (champions.features, champions.missing)
        self._from_champion = [champions.numeric.index(n) for n in plan.numeric if n in champions.numeric]
        self._to = [i for i, n in enumerate(plan.numeric) if n in champions.numeric]
        place = {name: i for i, name in enumerate((*champions.numeric, *champions.categorical, *extra))}
        self._numbers = [(i, n, place[n]) for i, n in enumerate(plan.numeric) if n not in champions.numeric]
        self._strings = [(i, n, place[n]) for i, n in enumerate(plan.categorical)]
        self._reads = bool(self._numbers or self._strings)

    def judge(self, rows: Rows, champion: Judgement) -> Judgement:
        """Return what the challenger says of each row; where it could not score, it says why."""
        if self._is_champions:  # another policy over the same scores
            same = (champion.given, champion.matrix, champion.scores)
            return judge(self._player, *same, rows.amounts, problems=champion.problems)
        problems: list[str | None] = [None] * len(rows.transactions)
        given, matrix = (rows.given, rows.matrix) if self._same_matrix else self._matrix(rows, problems)
        if any(problems):
            usable = np.flatnonzero([problem is None for problem in problems])
            scores = np.full(len(problems), np.nan, dtype=np.float32)
            scores[usable] = self._score(matrix[usable], usable.tolist(), problems)
        else:  # nearly always; then nothing is copied
            scores = self._score(matrix, range(len(problems)), problems)
        return judge(self._player, given, matrix, scores, rows.amounts, problems=problems)

    def _score(self, matrix: Matrix, places: Sequence[int], problems: list[str | None]) -> NDArray[np.float32]:
        """Return (n,) scores, NaN where there is none; `problems` says at the row's place why."""
        try:
            scores, scored = score_or_isolate(self._model, matrix)
        except ModelFaultError as error:
            for place in places:
                problems[place] = str(error)
            return np.full(len(matrix), np.nan, dtype=np.float32)
        if not scored.all():
            for i in np.flatnonzero(~scored).tolist():
                problems[places[i]] = "the model gives no score for this transaction"
        return scores

    def _matrix(self, rows: Rows, problems: list[str | None]) -> tuple[Matrix, Matrix]:
        plan = self._model.plan
        count = len(rows.transactions)
        said = [msgspec.structs.astuple(each.features) for each in rows.transactions] if self._reads else []
        numeric = np.empty((count, len(plan.numeric)))
        numeric[:, self._to] = rows.numeric[:, self._from_champion]
        for column, name, place in self._numbers:
            numeric[:, column] = np.array(NUMBERS.column(said, place, name, problems), dtype=np.float64)
        codes = np.empty((count, len(plan.categorical)))
        for column, name, place in self._strings:
            codes[:, column] = plan.codes(name, STRINGS.column(said, place, name, problems))
        given = plan.given(numeric, codes, rows.amounts, rows.times)
        matrix = plan.fill(given)
        for found, what in ((plan.first_infinite(matrix), "not finite"), (plan.first_refused_null(matrix), "null")):
            for row in np.flatnonzero(found >= 0).tolist():
                problems[row] = problems[row] or f"feature {plan.names[found[row]]} is {what}"
        return given, matrix
