"""The decision: a batch of raw transactions in; decisions, shadow scores and refusals out.

`Scorer` is made for one set of roles and holds it from decode to commit, so every decision of a batch comes from
the same champion. It knows no Kafka and no clock: the caller says where the bytes came from, and when.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.codec import TransactionCodec
from schemas.errors import DeadLetterReason, RefusedMessageError
from schemas.messages import Decision, Reason, ShadowScore, Transaction
from stream.scoring.fault import score_or_isolate
from stream.scoring.model import Roles
from stream.scoring.policy import VERDICTS, severities, thresholds
from stream.scoring.reasons import explain
from stream.scoring.rows import Rows, as_rows
from stream.scoring.shadow import Shadow


@dataclass(frozen=True, slots=True)
class Incoming:
    """A batch of messages of one topic; `partitions` and `offsets` run beside `values`."""

    topic: str
    values: Sequence[bytes | None]
    partitions: Sequence[int]
    offsets: Sequence[int]

    def part(self, start: int, stop: int) -> "Incoming":
        """Return messages start … stop-1."""
        return Incoming(self.topic, self.values[start:stop], self.partitions[start:stop], self.offsets[start:stop])


@dataclass(frozen=True, slots=True)
class Moment:
    """The envelope's clock: UTC milliseconds of scoring, and milliseconds since the batch was read."""

    scored_at_ms: int
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that becomes a dead letter. `place` is its index in the batch."""

    place: int
    reason: DeadLetterReason
    detail: str


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """What came of a batch: each message is either decided or refused."""

    roles: Roles
    decisions: list[Decision]
    #: For each challenger as many as `decisions`.
    shadow_scores: list[list[ShadowScore]]
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def alerts(self) -> list[Decision]:
        """The decisions that are reviewed or declined."""
        return [decision for decision in self.decisions if decision.verdict != "approve"]


class Scorer:
    """Scores batches with one set of roles.

    Args:
        roles: Who decides and who watches.
        max_bytes: A larger transaction is refused.
        max_reasons: Reasons named on an alert.
    """

    def __init__(self, roles: Roles, *, max_bytes: int, max_reasons: int) -> None:
        self.roles = roles
        self._max_reasons = max_reasons
        self._plan = roles.champion.plan
        own = {*self._plan.numeric, *self._plan.categorical}
        wanted = (name for model in roles.challengers for name in (*model.plan.numeric, *model.plan.categorical))
        extra = tuple(dict.fromkeys(name for name in wanted if name not in own))
        self.codec = TransactionCodec(
            self._plan.numeric, extra, categorical=self._plan.categorical, max_bytes=max_bytes
        )
        self._shadows = [Shadow(model, self._plan, extra) for model in roles.challengers]

    def score(self, incoming: Incoming, moment: Moment) -> ScoredBatch:
        """Decide a batch.

        Raises:
            ModelFaultError: If the champion itself is at fault; no message may be blamed then.
        """
        refusals: list[Refusal] = []
        rows = self._refuse_unusable(self._decode(incoming.values, refusals), refusals)
        scores = np.empty(0, dtype=np.float32)
        if rows.transactions:
            scores, scored = score_or_isolate(self.roles.champion, rows.matrix)
            detail = f"model {self.roles.champion.manifest.version} gives no score for it"
            refusals += [Refusal(place, DeadLetterReason.UNSCORABLE, detail) for place in rows.places[~scored].tolist()]
            rows, scores = rows.where(scored), scores[scored]
        decisions = self._decide(rows, scores, incoming, moment)
        shadow_scores = [shadow.score(rows, decisions) for shadow in self._shadows] if decisions else []
        return ScoredBatch(self.roles, decisions, shadow_scores, refusals)

    def _decode(self, values: Sequence[bytes | None], refusals: list[Refusal]) -> Rows:
        places: list[int] = []
        transactions: list[Transaction[Any]] = []
        decode = self.codec.decode
        for place, value in enumerate(values):
            try:
                transactions.append(decode(value))
            except RefusedMessageError as error:
                refusals.append(Refusal(place, error.reason, str(error)))
            else:
                places.append(place)
        return as_rows(places, transactions, self._plan)

    def _refuse_unusable(self, rows: Rows, refusals: list[Refusal]) -> Rows:
        infinite = self._plan.first_infinite(rows.matrix)
        null = self._plan.first_refused_null(rows.matrix)
        for found, reason, what in (
            (infinite, DeadLetterReason.NOT_FINITE, "is not finite as float32"),
            (np.where(infinite < 0, null, -1), DeadLetterReason.NULL_FEATURE, "is null, which this model refuses"),
        ):
            refusals += [
                Refusal(int(rows.places[i]), reason, f"feature {self._plan.names[found[i]]} {what}")
                for i in np.flatnonzero(found >= 0)
            ]
        return rows.where((infinite < 0) & (null < 0))

    def _decide(self, rows: Rows, scores: NDArray[np.float32], incoming: Incoming, moment: Moment) -> list[Decision]:
        champion, policy, epoch = self.roles.champion, self.roles.policy, self.roles.epoch
        manifest, sha256, topic = champion.manifest, champion.sha256, incoming.topic
        verdicts = severities(scores, policy, rows.amounts)
        reasons = self._reasons(rows, scores, verdicts)
        return [
            Decision(
                f"{topic}/{incoming.partitions[place]}/{incoming.offsets[place]}@{epoch}",
                transaction.transaction_id,
                transaction.card_id,
                transaction.event_time_ms,
                score,
                threshold,
                VERDICTS[verdict],
                manifest.name,
                manifest.version,
                sha256,
                policy.version,
                epoch,
                "champion",
                1.0,
                reasons.get(i, ()),
                topic,
                incoming.partitions[place],
                incoming.offsets[place],
                moment.scored_at_ms,
                moment.latency_ms,
                transaction.amount_minor,
                transaction.currency,
            )
            for i, (transaction, place, score, threshold, verdict) in enumerate(
                zip(
                    rows.transactions,
                    rows.places.tolist(),
                    scores.tolist(),
                    thresholds(policy, rows.amounts).tolist(),
                    verdicts.tolist(),
                    strict=True,
                )
            )
        ]

    def _reasons(
        self, rows: Rows, scores: NDArray[np.float32], verdicts: NDArray[np.intp]
    ) -> dict[int, tuple[Reason, ...]]:
        alerts = np.flatnonzero(verdicts)
        if not len(alerts):
            return {}
        found = explain(self.roles.champion, rows.matrix[alerts], scores[alerts], self._max_reasons)
        return dict(zip(alerts.tolist(), found, strict=True))
