"""Categories and nulls on Kafka: any string is decided, what is none becomes a dead letter, amounts weigh."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.manifest import Feature, MissingPolicy
from schemas.messages import Challenger, Policy
from stream.control.role_writer import publish_roles
from stream.settings import Settings
from tests.support.bundles import put_bundle
from tests.support.decision_monitor import DecisionMonitor
from tests.support.reconciliation import reconcile
from tests.support.topics import produce_all
from tests.support.traffic import transaction
from tests.support.worker_process import WorkerProcess

StartWorker = Callable[[Settings], WorkerProcess]
FURTHER = {
    Feature("country", 0, "categorical", ("FR", "BE", "DE")): 1.0,
    Feature("log_amount", 7.0, "log_amount"): 0.25,
    Feature("hour_sin", 0.0, "hour_sin"): 1.0,
    Feature("hour_cos", 0.0, "hour_cos"): 1.0,
}
BY_LOSS = Policy("loss", review=0.0, decline=0.9, kind="expected_loss", review_cost_minor=5_000)
GOOD: tuple[Any, ...] = ("FR", "BE", "DE", "LU", "", "é", "fr")
#: What stands for the country, and the reason of its dead letter.
BAD: dict[str, tuple[Any, str]] = {
    "number": (7, "wrong_type"),
    "boolean": (True, "wrong_type"),
    "list": (["FR"], "wrong_type"),
    "object": ({"code": "FR"}, "wrong_type"),
}


def paid(number: int, **features: Any) -> bytes:
    """Return a transaction of another hour each, with these features besides the ordinary ones."""
    ordinary = {"V1": number % 5 - 1.0, "V2": 0.5, "V3": None if number % 7 == 1 else -0.5}
    return transaction(number, event_time_ms=1_378_000_000_000 + number * 3_600_000, features=ordinary | features)


@pytest.mark.parametrize(("missing", "reason"), [("median", None), ("refuse", "null_feature")])
def test_strings_and_nulls_to_decisions(
    settings: Settings, start_worker: StartWorker, missing: MissingPolicy, reason: str | None
) -> None:
    """Every score, threshold and verdict is what is reckoned by hand; each dead letter has its reason.

    A challenger that reads no strings and one that reads them watch.
    """
    store = Path(settings.bundle.store)
    champion = put_bundle(store, "1", further=FURTHER, policy=BY_LOSS, missing=missing)
    watching = (put_bundle(store, "2"), put_bundle(store, "3", further=FURTHER, bias=-3.0))
    publish_roles(settings, champion=champion, challengers=tuple(map(Challenger, watching)), author="test")
    good = [(b"good", paid(number, country=GOOD[number % len(GOOD)])) for number in range(300)]
    null = [(b"null", paid(number * 7, country=None)) for number in range(20)]
    bad = [(kind.encode(), paid(0, country=value)) for kind, (value, _) in BAD.items()]
    bad += [
        (b"absent", paid(0)),
        (b"Latin-1", paid(0, country="here").replace(b"here", b"\xe9")),
    ]
    produce_all(settings.kafka.bootstrap, settings.topic.transactions, [*bad, *good, *null, *bad])
    with DecisionMonitor(settings) as watch:
        worker = start_worker(settings)
        watch.wait(len(good) + len(null) + 2 * len(bad))
        assert worker.stop() == 0
    result = reconcile(settings)
    reasons: dict[bytes | None, set[str]] = {}
    for letter in result.dead_letters.values():
        reasons.setdefault(letter.key, set()).add(letter.reason.value)
    expected = {kind.encode(): {reason} for kind, (_, reason) in BAD.items()}
    expected |= {b"absent": {"missing_feature"}, b"Latin-1": {"not_utf8"}}
    if reason:  # of either null: a country, or a V3 among the good
        expected |= {b"null": {reason}, b"good": {reason}}
    assert reasons == expected
    verdicts = [decision.verdict for decision in result.decisions.values()]
    assert {"approve", "review", "decline"} == set(verdicts)
    for place, decision in result.decisions.items():
        assert (decision.verdict != "approve") == (decision.score >= decision.threshold), place
