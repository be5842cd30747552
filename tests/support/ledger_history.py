"""Simulated days of a stream with a challenger, written into a ledger."""

import numpy as np
from sqlalchemy import Engine

from schemas.messages import BundleRef, Challenger, Decision, Label, ModelUpdate, ShadowScore
from stream.ledger.gate_runner import DAY_MS
from stream.settings import Settings
from tests.support.ledger_batch import LedgerWriter, ManualClock
from tests.support.records import BASE_MS, CHALLENGER, CHAMPION, decision, label, shadow

SETTINGS = Settings().replace(watermark_lateness_s=0, gate_maturity_days=10, gate_spell_hours=24)
FIRST_DAY = (BASE_MS + DAY_MS) // DAY_MS * DAY_MS
#: Number of transactions per simulated day.
FRAUDS, LEGITIMATE = 10, 40
#: Share of the legitimate transactions that champion and challenger review, so that both alert equally often.
FALSE_ALARMS = (0.15, 0.06)


def roles_of(champion: str, challenger: str) -> ModelUpdate:
    """Return roles for a champion and a challenger, each with its own policy."""
    shadow_model = Challenger(BundleRef("fraud", "2", "fraud/2", challenger))
    return ModelUpdate(1, BundleRef("fraud", "1", "fraud/1", champion), BASE_MS, "ann", challengers=(shadow_model,))


class SimulatedHistory:
    """Writes simulated days into a ledger, one after another: frauds, decisions of both models, and chargebacks.

    Args:
        engine: Engine of a ledger's database.
        caught: Shares of the frauds that the champion and the challenger catch.
        models: Bundle hash and policy version of the champion and of the challenger.
    """

    def __init__(
        self,
        engine: Engine,
        caught: tuple[float, float],
        models: tuple[tuple[str, str], tuple[str, str]] = ((CHAMPION, "p1"), (CHALLENGER, "p2")),
    ) -> None:
        self.clock = ManualClock(FIRST_DAY)
        self._writers = {
            kind: LedgerWriter(engine, kind, settings=SETTINGS, clock=self.clock)
            for kind in ("decisions", "shadow_scores", "labels", "role_changes")
        }
        self._models = [dict(zip(("bundle_sha256", "policy_version"), model, strict=True)) for model in models]
        self._writers["role_changes"].write([roles_of(models[0][0], models[1][0])])
        self._caught = caught
        self._random = np.random.default_rng(5)
        self._days = 0

    def advance(self, days: int) -> None:
        """Simulate some days, each with its transactions and their labels."""
        for _ in range(days):
            decisions, shadow_scores, labels = self._day(self._days)
            self.clock.ms = FIRST_DAY + (self._days + 1) * DAY_MS
            self._writers["decisions"].write(decisions)
            self._writers["shadow_scores"].write(shadow_scores)
            self._writers["labels"].write(labels)
            self._days += 1

    def _day(self, day: int) -> tuple[list[Decision], list[ShadowScore], list[Label]]:
        decisions, shadow_scores, labels = [], [], []
        for index in range(FRAUDS + LEGITIMATE):
            number = day * 100 + index
            time_ms = FIRST_DAY + day * DAY_MS + index * DAY_MS // (FRAUDS + LEGITIMATE)
            fraud = index < FRAUDS
            shares = self._caught if fraud else FALSE_ALARMS
            alerts = [bool(self._random.random() < share) for share in shares]
            scores = [(0.9 if alert else 0.05) + 0.001 * self._random.random() for alert in alerts]
            verdicts = ["review" if alert else "approve" for alert in alerts]
            common = {"card_id": f"card-{number}", "event_time_ms": time_ms, "amount_minor": 20_000}
            decisions.append(decision(number, score=scores[0], verdict=verdicts[0], **common, **self._models[0]))
            del common["amount_minor"]
            shadow_scores.append(shadow(number, score=scores[1], verdict=verdicts[1], **common, **self._models[1]))
            if fraud:
                labels.append(label(number, event_time_ms=time_ms + DAY_MS))
            elif alerts[0]:
                labels.append(label(number, source="analyst", fraud=False, event_time_ms=time_ms + DAY_MS))
        return decisions, shadow_scores, labels
