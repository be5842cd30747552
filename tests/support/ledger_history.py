"""Days of a stream with a challenger, as a ledger keeps them."""

import numpy as np
from sqlalchemy import Engine

from schemas.messages import BundleRef, Challenger, Decision, Label, ModelUpdate, ShadowScore
from stream.ledger.gate_runner import DAY_MS
from stream.settings import Settings
from tests.support.ledger_batch import ManualClock, Writer
from tests.support.records import BASE_MS, CHALLENGER, CHAMPION, decision, label, shadow

SETTINGS = Settings().replace(watermark_lateness_s=0, gate_maturity_days=10, gate_spell_hours=24)
FIRST_DAY = (BASE_MS + DAY_MS) // DAY_MS * DAY_MS
#: Of each day.
FRAUDS, LEGITIMATE = 10, 40
#: Share of the legitimate ones that champion and challenger review: with it both alert as often.
FALSE_ALARMS = (0.15, 0.06)


def roles_of(champion: str, challenger: str) -> ModelUpdate:
    """Roles in which a challenger watches; both decide by their own policies."""
    watching = Challenger(BundleRef("fraud", "2", "fraud/2", challenger))
    return ModelUpdate(1, BundleRef("fraud", "1", "fraud/1", champion), BASE_MS, "ann", challengers=(watching,))


class History:
    """Writes day after day into a ledger: frauds that the challenger catches more often, and their chargebacks.

    Args:
        engine: A ledger's database.
        caught: Share of the frauds that the champion and the challenger catch.
        models: Hash and policy version of both.
    """

    def __init__(
        self,
        engine: Engine,
        caught: tuple[float, float],
        models: tuple[tuple[str, str], tuple[str, str]] = ((CHAMPION, "p1"), (CHALLENGER, "p2")),
    ) -> None:
        self.clock = ManualClock(FIRST_DAY)
        self._writers = {
            kind: Writer(engine, kind, settings=SETTINGS, clock=self.clock)
            for kind in ("decisions", "shadow_scores", "labels", "role_changes")
        }
        self._models = [dict(zip(("bundle_sha256", "policy_version"), model, strict=True)) for model in models]
        self._writers["role_changes"].write([roles_of(models[0][0], models[1][0])])
        self._caught = caught
        self._random = np.random.default_rng(5)
        self._days = 0

    def live(self, days: int) -> None:
        """Let days pass, each with its transactions and the labels of those ten days before."""
        for _ in range(days):
            decided, watched, said = self._day(self._days)
            self.clock.ms = FIRST_DAY + (self._days + 1) * DAY_MS
            self._writers["decisions"].write(decided)
            self._writers["shadow_scores"].write(watched)
            self._writers["labels"].write(said)
            self._days += 1

    def _day(self, day: int) -> tuple[list[Decision], list[ShadowScore], list[Label]]:
        decided, watched, said = [], [], []
        for place in range(FRAUDS + LEGITIMATE):
            number = day * 100 + place
            time_ms = FIRST_DAY + day * DAY_MS + place * DAY_MS // (FRAUDS + LEGITIMATE)
            fraud = place < FRAUDS
            shares = self._caught if fraud else FALSE_ALARMS
            alerts = [bool(self._random.random() < share) for share in shares]
            scores = [(0.9 if alert else 0.05) + 0.001 * self._random.random() for alert in alerts]
            verdicts = ["review" if alert else "approve" for alert in alerts]
            common = {"card_id": f"card-{number}", "event_time_ms": time_ms, "amount_minor": 20_000}
            decided.append(decision(number, score=scores[0], verdict=verdicts[0], **common, **self._models[0]))
            del common["amount_minor"]
            watched.append(shadow(number, score=scores[1], verdict=verdicts[1], **common, **self._models[1]))
            if fraud:
                said.append(label(number, event_time_ms=time_ms + DAY_MS))
            elif alerts[0]:
                said.append(label(number, source="analyst", fraud=False, event_time_ms=time_ms + DAY_MS))
        return decided, watched, said
