"""What one player says about a batch, whether it decides or only watches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Decision, ShadowScore
from stream.scoring.features import Matrix
from stream.scoring.model import Player
from stream.scoring.policy import VERDICTS, graded, thresholds


@dataclass(frozen=True, slots=True)
class Judgement:
    """Scores and verdicts of n transactions; all attributes but the player run side by side."""

    player: Player
    #: (n, n_features) in the player's own order, NaN where a value was missing.
    given: Matrix
    #: The same as the model takes it.
    matrix: Matrix
    #: (n,) float32, NaN where there is none.
    scores: NDArray[np.float32]
    #: (n,) the lowest score that is reviewed.
    thresholds: NDArray[np.float64]
    #: (n,) indices into `VERDICTS`; without meaning where there is no score.
    severities: NDArray[np.intp]
    #: Why there is no score; None where there is one.
    problems: Sequence[str | None]

    def shadow_scores(self, decisions: Sequence[Decision], where: NDArray[np.intp] | None = None) -> list[ShadowScore]:
        """Put on record what the player would have decided.

        Args:
            decisions: n, by whoever decided.
            where: Indices of those to record; None for all.
        """
        scores, limits, verdicts, problems = self.scores, self.thresholds, self.severities, self.problems
        if where is not None:
            decisions, problems = [decisions[i] for i in where], [problems[i] for i in where]
            scores, limits, verdicts = scores[where], limits[where], verdicts[where]
        model = self.player.model
        name, version, sha256 = model.manifest.name, model.manifest.version, model.sha256
        policy_version = self.player.policy.version
        return [
            ShadowScore(
                decision.decision_id,
                decision.transaction_id,
                decision.card_id,
                decision.event_time_ms,
                score if problem is None else None,
                limit,
                VERDICTS[verdict] if problem is None else None,
                problem,
                name,
                version,
                sha256,
                decision.role_epoch,
                decision.scored_at_ms,
                policy_version,
            )
            for decision, score, limit, verdict, problem in zip(
                decisions, scores.tolist(), limits.tolist(), verdicts.tolist(), problems, strict=True
            )
        ]


def judge(
    player: Player,
    given: Matrix,
    matrix: Matrix,
    scores: NDArray[np.float32],
    amount_minor: NDArray[np.int64],
    *,
    problems: Sequence[str | None],
) -> Judgement:
    """Turn a player's scores (n,) into verdicts by its own policy."""
    policy = player.policy
    limits = thresholds(policy, amount_minor)
    return Judgement(player, given, matrix, scores, limits, graded(scores, policy, limits), problems)
