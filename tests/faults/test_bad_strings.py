"""Categorical features, nulls and expected loss on a real Kafka: strings are scored, other types are rejected."""

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
#: Value of `country` and dead-letter reason, by kind of bad value.
BAD: dict[str, tuple[Any, str]] = {
    "number": (7, "wrong_type"),
    "boolean": (True, "wrong_type"),
    "list": (["FR"], "wrong_type"),
    "object": ({"code": "FR"}, "wrong_type"),
}


def hourly(number: int, **features: Any) -> bytes:
    """Return transaction `number`, an hour after the previous transaction, with these extra features."""
    numeric = {"V1": number % 5 - 1.0, "V2": 0.5, "V3": None if number % 7 == 1 else -0.5}
    return transaction(number, event_time_ms=1_378_000_000_000 + number * 3_600_000, features=numeric | features)


@pytest.mark.parametrize(("missing", "reason"), [("median", None), ("refuse", "null_feature")])
def test_strings_and_nulls_to_decisions(
    settings: Settings, start_worker: StartWorker, missing: MissingPolicy, reason: str | None
) -> None:
    """Every score, threshold and verdict equals the value computed offline; each dead letter has its reason.

    One challenger uses the categorical feature, the other does not.
    """
    store = Path(settings.bundle.store)
    champion = put_bundle(store, "1", further=FURTHER, policy=BY_LOSS, missing=missing)
    shadows = (put_bundle(store, "2"), put_bundle(store, "3", further=FURTHER, bias=-3.0))
    publish_roles(
        settings.kafka, settings.topic, champion=champion, challengers=tuple(map(Challenger, shadows)), author="test"
    )
    good = [(b"good", hourly(number, country=GOOD[number % len(GOOD)])) for number in range(300)]
    null = [(b"null", hourly(number * 7, country=None)) for number in range(20)]
    bad = [(kind.encode(), hourly(0, country=value)) for kind, (value, _) in BAD.items()]
    bad += [
        (b"absent", hourly(0)),
        (b"Latin-1", hourly(0, country="here").replace(b"here", b"\xe9")),
    ]
    produce_all(settings.kafka.bootstrap, settings.topic.transactions, [*bad, *good, *null, *bad])
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        monitor.wait(len(good) + len(null) + 2 * len(bad))
        assert worker.stop() == 0
    result = reconcile(settings)
    reasons: dict[bytes | None, set[str]] = {}
    for dead_letter in result.dead_letters.values():
        reasons.setdefault(dead_letter.key, set()).add(dead_letter.reason.value)
    expected = {kind.encode(): {reason} for kind, (_, reason) in BAD.items()}
    expected |= {b"absent": {"missing_feature"}, b"Latin-1": {"not_utf8"}}
    if reason:  # for both nulls: in `country`, and in V3 of some good ones
        expected |= {b"null": {reason}, b"good": {reason}}
    assert reasons == expected
    verdicts = [decision.verdict for decision in result.decisions.values()]
    assert {"approve", "review", "decline"} == set(verdicts)
    for position, decision in result.decisions.items():
        assert (decision.verdict != "approve") == (decision.score >= decision.threshold), position
