"""The scorer: turns a batch of raw transactions into decisions, shadow scores and rejected messages.

A `Scorer` belongs to one assignment of roles and uses this assignment from decoding to the last decision, so the same
champion applies to a whole batch. A scorer has no access to Kafka or a clock: the caller passes in source positions and
the time of scoring.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from schemas.codec import TransactionCodec
from schemas.errors import DeadLetterReason, RefusedMessageError
from schemas.messages import Decision, ShadowScore, Transaction
from stream.scoring.accepted_rows import AcceptedRows, accepted_rows
from stream.scoring.batch_scores import BatchScores
from stream.scoring.decide import AssignedArms, assign_arms, decide
from stream.scoring.fault_isolation import score_or_isolate
from stream.scoring.model import Roles
from stream.scoring.model_scores import ModelScores, apply_policy
from stream.scoring.raw_batch import RawBatch, ScoringTime
from stream.scoring.score_counts import ScoreCounts, count_scores
from stream.scoring.shadow import ShadowScorer


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rejected message, which becomes a dead letter."""

    #: Index of the message in the batch.
    index: int
    reason: DeadLetterReason
    detail: str
    #: Path of the field at fault, such as `features.V3`; None if no single field is at fault.
    field: str | None = None


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """The result of scoring a batch: each message is either decided or rejected."""

    roles: Roles
    decisions: list[Decision]
    #: Shadow scores; for each challenger, there are as many as there are decisions.
    shadow_scores: list[list[ShadowScore]]
    refusals: list[Refusal] = field(default_factory=list)
    #: Counts of each model's verdicts, problems and scores.
    score_counts: ScoreCounts | None = None
    #: Features and scores of every model; None if every message was rejected.
    batch_scores: BatchScores | None = None

    @property
    def alerts(self) -> list[Decision]:
        """The decisions whose verdict is review or decline."""
        return [decision for decision in self.decisions if decision.verdict != "approve"]


class Scorer:
    """Scores batches under one assignment of roles.

    Args:
        roles: Champion and challengers, with their policies.
        max_bytes: Largest size of a transaction in bytes; larger transactions are rejected.
        max_reasons: Largest number of reasons to give for an alert.
    """

    def __init__(self, roles: Roles, *, max_bytes: int, max_reasons: int) -> None:
        self.roles = roles
        self._model = roles.champion.model
        self._max_reasons = max_reasons
        self._plan = self._model.plan
        own = {*self._plan.numeric, *self._plan.categorical}
        plans = [challenger.model.plan for challenger in roles.challengers]
        wanted = (name for plan in plans for name in (*plan.numeric, *plan.categorical))
        extra = tuple(dict.fromkeys(name for name in wanted if name not in own))
        self.codec = TransactionCodec(
            self._plan.numeric, extra, categorical=self._plan.categorical, max_bytes=max_bytes
        )
        self._shadows = [ShadowScorer(challenger, self._model, extra) for challenger in roles.challengers]

    def score(self, batch: RawBatch, scoring_time: ScoringTime) -> ScoredBatch:
        """Decide on or reject each message in a batch.

        Args:
            batch: Messages with their source positions.
            scoring_time: Time at which the batch is scored, for each decision's envelope.

        Raises:
            ModelFaultError: If the champion itself is at fault, so that no message is to blame.
        """
        refusals: list[Refusal] = []
        rows = self._refuse_unusable(self._decode(batch.values, refusals), refusals)
        if rows.transactions:
            scores, scored = score_or_isolate(self._model, rows.matrix)
            detail = f"model {self._model.manifest.version} gives no score for it"
            refusals += [
                Refusal(index, DeadLetterReason.UNSCORABLE, detail) for index in rows.indices[~scored].tolist()
            ]
            rows, scores = rows.where(scored), scores[scored]
        reasons = [refusal.reason for refusal in refusals]
        if not rows.transactions:
            return ScoredBatch(self.roles, [], [], refusals, count_scores(self.roles, [], reasons))
        no_problems: list[str | None] = [None] * len(scores)
        champion = apply_policy(
            self.roles.champion, rows.raw_features, rows.matrix, scores, rows.amounts, problems=no_problems
        )
        model_scores = [champion, *(shadow.score(rows, champion) for shadow in self._shadows)]
        assigned = assign_arms(self.roles, model_scores, rows)
        decisions = decide(
            self.roles,
            model_scores,
            rows,
            assigned,
            batch=batch,
            scoring_time=scoring_time,
            max_reasons=self._max_reasons,
        )
        counts = count_scores(self.roles, model_scores, reasons)
        partitions = np.array(batch.partitions, dtype=np.int64)[rows.indices]
        batch_scores = BatchScores(self.roles, model_scores, rows.times, partitions)
        shadow_scores = _shadow_scores(model_scores, assigned, decisions)
        return ScoredBatch(self.roles, decisions, shadow_scores, refusals, counts, batch_scores)

    def _decode(self, values: Sequence[bytes | None], refusals: list[Refusal]) -> AcceptedRows:
        indices: list[int] = []
        transactions: list[Transaction[Any]] = []
        decode = self.codec.decode
        for index, value in enumerate(values):
            try:
                transactions.append(decode(value))
            except RefusedMessageError as error:
                refusals.append(Refusal(index, error.reason, str(error), error.field))
            else:
                indices.append(index)
        return accepted_rows(indices, transactions, self._plan)

    def _refuse_unusable(self, rows: AcceptedRows, refusals: list[Refusal]) -> AcceptedRows:
        """Reject rows with an infinite feature, or with a null that the champion's policy does not allow."""
        if np.isfinite(rows.matrix).all():
            return rows
        infinite = self._plan.first_infinite(rows.matrix)
        null = self._plan.first_refused_null(rows.matrix)
        for first, reason, defect in (
            (infinite, DeadLetterReason.NOT_FINITE, "is not finite as float32"),
            (np.where(infinite < 0, null, -1), DeadLetterReason.NULL_FEATURE, "is null, which this model refuses"),
        ):
            for i in np.flatnonzero(first >= 0):
                name = self._plan.names[first[i]]
                refusals.append(Refusal(int(rows.indices[i]), reason, f"feature {name} {defect}", f"features.{name}"))
        return rows.where((infinite < 0) & (null < 0))


def _shadow_scores(
    model_scores: Sequence[ModelScores], assigned: AssignedArms, decisions: Sequence[Decision]
) -> list[list[ShadowScore]]:
    """Return the shadow scores for each challenger; where a challenger decided, they are the champion's."""
    champion, *challengers = model_scores
    if not assigned.deciding.any():  # the champion decided everything
        return [challenger.shadow_scores(decisions) for challenger in challengers]
    shadow_scores = []
    for number, challenger in enumerate(challengers, start=1):
        decided = assigned.deciding == number
        if decided.any():
            shadow_scores.append(
                challenger.shadow_scores(decisions, np.flatnonzero(~decided))
                + champion.shadow_scores(decisions, np.flatnonzero(decided))
            )
        else:
            shadow_scores.append(challenger.shadow_scores(decisions))
    return shadow_scores
