"""The scores and verdicts that one model gives a batch, whether the model decides or shadows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Decision, ShadowScore
from stream.scoring.features import Matrix
from stream.scoring.model import ModelInRole
from stream.scoring.policy import VERDICTS, severities_at, thresholds


@dataclass(frozen=True, slots=True)
class ModelScores:
    """One model's scores and verdicts for n transactions; each array has one row for each transaction."""

    model_in_role: ModelInRole
    #: (n, n_features) feature vectors in the model's manifest order, NaN for a missing value.
    raw_features: Matrix
    #: (n, n_features) input of the model: `raw_features` after the missing-value policy.
    matrix: Matrix
    #: (n,) float32 scores, NaN where the model gave none.
    scores: NDArray[np.float32]
    #: (n,) lowest score at which each transaction is reviewed.
    thresholds: NDArray[np.float64]
    #: (n,) verdicts as indices into `VERDICTS`; meaningless where there is no score.
    severities: NDArray[np.intp]
    #: (n,) reasons why transactions have no score; None for a transaction with a score.
    problems: Sequence[str | None]

    def shadow_scores(
        self, decisions: Sequence[Decision], indices: NDArray[np.intp] | None = None
    ) -> list[ShadowScore]:
        """Return shadow scores, which record what this model would have decided.

        Args:
            decisions: The n decisions, made by any model.
            indices: Indices of the rows to return; None for all rows.
        """
        scores, limits, verdicts, problems = self.scores, self.thresholds, self.severities, self.problems
        if indices is not None:
            decisions, problems = [decisions[i] for i in indices], [problems[i] for i in indices]
            scores, limits, verdicts = scores[indices], limits[indices], verdicts[indices]
        model = self.model_in_role.model
        name, version, sha256 = model.manifest.name, model.manifest.version, model.sha256
        policy_version = self.model_in_role.policy.version
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


def apply_policy(
    model_in_role: ModelInRole,
    raw_features: Matrix,
    matrix: Matrix,
    scores: NDArray[np.float32],
    amount_minor: NDArray[np.int64],
    *,
    problems: Sequence[str | None],
) -> ModelScores:
    """Turn a model's (n,) scores into verdicts by its own policy; `ModelScores` describes the arguments."""
    policy = model_in_role.policy
    limits = thresholds(policy, amount_minor)
    severities = severities_at(scores, policy, limits)
    return ModelScores(model_in_role, raw_features, matrix, scores, limits, severities, problems)
