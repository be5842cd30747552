"""The decision: a batch of raw transactions in; decisions, shadow scores and refusals out.

`Scorer` is made for one set of roles and holds it from decode to commit, so every decision of a batch comes from
the same champion. It knows no Kafka and no clock: the caller says where the bytes came from, and when.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from schemas.codec import TransactionCodec
from schemas.errors import DeadLetterReason, RefusedMessageError
from schemas.messages import Decision, ShadowScore, Transaction
from stream.scoring.decide import Drawn, decide, draw
from stream.scoring.fault import score_or_isolate
from stream.scoring.incoming import Incoming, Moment
from stream.scoring.judgement import Judgement, judge
from stream.scoring.model import Roles
from stream.scoring.observed import Observed
from stream.scoring.rows import Rows, as_rows
from stream.scoring.shadow import Shadow
from stream.scoring.tally import Tally, tally


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that becomes a dead letter. `place` is its index in the batch."""

    place: int
    reason: DeadLetterReason
    detail: str
    #: Path of the field at fault, such as `features.V3`; None if no single field is at fault.
    field: str | None = None


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """What came of a batch: each message is either decided or refused."""

    roles: Roles
    decisions: list[Decision]
    #: For each challenger as many as `decisions`.
    shadow_scores: list[list[ShadowScore]]
    refusals: list[Refusal] = field(default_factory=list)
    #: What each model said, counted.
    tally: Tally | None = None
    #: What each model saw; None where everything was refused.
    observed: Observed | None = None

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
        self._model = roles.champion.model
        self._max_reasons = max_reasons
        self._plan = self._model.plan
        own = {*self._plan.numeric, *self._plan.categorical}
        plans = [player.model.plan for player in roles.challengers]
        wanted = (name for plan in plans for name in (*plan.numeric, *plan.categorical))
        extra = tuple(dict.fromkeys(name for name in wanted if name not in own))
        self.codec = TransactionCodec(
            self._plan.numeric, extra, categorical=self._plan.categorical, max_bytes=max_bytes
        )
        self._shadows = [Shadow(player, self._model, extra) for player in roles.challengers]

    def score(self, incoming: Incoming, moment: Moment) -> ScoredBatch:
        """Decide a batch.

        Raises:
            ModelFaultError: If the champion itself is at fault; no message may be blamed then.
        """
        refusals: list[Refusal] = []
        rows = self._refuse_unusable(self._decode(incoming.values, refusals), refusals)
        if rows.transactions:
            scores, scored = score_or_isolate(self._model, rows.matrix)
            detail = f"model {self._model.manifest.version} gives no score for it"
            refusals += [Refusal(place, DeadLetterReason.UNSCORABLE, detail) for place in rows.places[~scored].tolist()]
            rows, scores = rows.where(scored), scores[scored]
        reasons = [refusal.reason for refusal in refusals]
        if not rows.transactions:
            return ScoredBatch(self.roles, [], [], refusals, tally(self.roles, [], reasons))
        whole: list[str | None] = [None] * len(scores)
        champion = judge(self.roles.champion, rows.given, rows.matrix, scores, rows.amounts, problems=whole)
        judgements = [champion, *(shadow.judge(rows, champion) for shadow in self._shadows)]
        drawn = draw(self.roles, judgements, rows)
        decisions = decide(
            self.roles, judgements, rows, drawn, incoming=incoming, moment=moment, max_reasons=self._max_reasons
        )
        counted = tally(self.roles, judgements, reasons)
        partitions = np.array(incoming.partitions, dtype=np.int64)[rows.places]
        observed = Observed(self.roles, judgements, rows.times, partitions)
        return ScoredBatch(self.roles, decisions, _watched(judgements, drawn, decisions), refusals, counted, observed)

    def _decode(self, values: Sequence[bytes | None], refusals: list[Refusal]) -> Rows:
        places: list[int] = []
        transactions: list[Transaction[Any]] = []
        decode = self.codec.decode
        for place, value in enumerate(values):
            try:
                transactions.append(decode(value))
            except RefusedMessageError as error:
                refusals.append(Refusal(place, error.reason, str(error), error.field))
            else:
                places.append(place)
        return as_rows(places, transactions, self._plan)

    def _refuse_unusable(self, rows: Rows, refusals: list[Refusal]) -> Rows:
        if np.isfinite(rows.matrix).all():
            return rows
        infinite = self._plan.first_infinite(rows.matrix)
        null = self._plan.first_refused_null(rows.matrix)
        for found, reason, what in (
            (infinite, DeadLetterReason.NOT_FINITE, "is not finite as float32"),
            (np.where(infinite < 0, null, -1), DeadLetterReason.NULL_FEATURE, "is null, which this model refuses"),
        ):
            for i in np.flatnonzero(found >= 0):
                name = self._plan.names[found[i]]
                refusals.append(Refusal(int(rows.places[i]), reason, f"feature {name} {what}", f"features.{name}"))
        return rows.where((infinite < 0) & (null < 0))


def _watched(judgements: Sequence[Judgement], drawn: Drawn, decisions: Sequence[Decision]) -> list[list[ShadowScore]]:
    """Return what each challenger would have decided; where it did decide, what the champion would have."""
    champion, *challengers = judgements
    if not drawn.by.any():  # the champion has decided about all of them
        return [challenger.shadow_scores(decisions) for challenger in challengers]
    found = []
    for number, challenger in enumerate(challengers, start=1):
        decided = drawn.by == number
        if decided.any():
            found.append(
                challenger.shadow_scores(decisions, np.flatnonzero(~decided))
                + champion.shadow_scores(decisions, np.flatnonzero(decided))
            )
        else:
            found.append(challenger.shadow_scores(decisions))
    return found
