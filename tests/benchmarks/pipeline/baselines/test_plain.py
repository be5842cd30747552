"""The baselines' plain scorer gives the worker's results except for the clock. These tests need no Kafka."""

import random
import time
from pathlib import Path

import msgspec
import pytest

from benchmarks.pipeline.baselines.job import Job
from benchmarks.pipeline.baselines.plain import PlainScorer, SourceOffset
from schemas.manifest import Feature
from schemas.messages import BundleRef, FeatureValue, Policy, Transaction, encode
from schemas.version import ENGINE
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from stream.scoring.model import ModelInRole, Roles
from stream.scoring.raw_batch import RawBatch, ScoringTime
from stream.scoring.scorer import Scorer
from tests.support.bundles import NUMERIC, POLICY, put_bundle

COUNT = 200
FURTHER = {
    Feature("country", 0, "categorical", ("FR", "BE")): 1.0,
    Feature("log_amount", 7.0, "log_amount"): 0.25,
    Feature("hour_sin", 0.0, "hour_sin"): 1.0,
}
BY_LOSS = Policy("2", review=0.0, decline=0.9, kind="expected_loss", review_cost_minor=500)


def transactions() -> list[bytes]:
    """Return transactions at all hours and with many amounts, with known and unknown categories."""
    rng = random.Random(0)  # noqa: S311 - reproducible, not secret
    return [
        encode(
            Transaction[dict[str, FeatureValue]](
                transaction_id=str(i),
                card_id=f"card-{i % 17}",
                event_time_ms=1_378_000_000_000 + i * 3_600_000,
                amount_minor=rng.randrange(5_000),
                currency="EUR",
                features={name: rng.gauss(0, 2) for name in NUMERIC} | {"country": rng.choice(["FR", "BE", "LU"])},
            )
        )
        for i in range(COUNT)
    ]


@pytest.mark.parametrize("policy", [POLICY, BY_LOSS], ids=["score", "expected_loss"])
def test_the_plain_scorer_agrees_with_the_worker(policy: Policy, tmp_path: Path) -> None:
    """Both scorers return the same decisions, alerts and shadow scores for every kind of feature and policy."""
    store = tmp_path / "bundles"
    refs: list[BundleRef] = [
        put_bundle(store, version, bias=bias, further=FURTHER, policy=policy)
        for version, bias in (("1", -4.0), ("2", -3.0))
    ]
    champion, challenger = (read_bundle(BundleStore(str(store)), ref) for ref in refs)
    values, offsets = transactions(), list(range(COUNT))
    directories = [str(store / ref.path) for ref in refs]
    job = Job(
        bootstrap="",
        group="",
        topic_transactions="",
        topic_decisions="",
        topic_alerts="",
        topic_shadow_scores="",
        champion=directories[0],
        challengers=tuple(directories[1:]),
        role_epoch=3,
        max_reasons=5,
        batch=COUNT,
        engine=ENGINE,
    )
    plain = PlainScorer(job).score(values, [SourceOffset("t", 0, offset) for offset in offsets], time.monotonic())

    scorer = Scorer(
        Roles(3, ModelInRole(champion, policy), (ModelInRole(challenger, policy),)), max_bytes=65_536, max_reasons=5
    )
    worker = scorer.score(RawBatch("t", values, [0] * COUNT, offsets), ScoringTime(0, 0.0))
    assert 0 < len(worker.alerts) < COUNT
    for ours, theirs in (
        (worker.decisions, plain.decisions),
        (worker.alerts, plain.alerts),
        (worker.shadow_scores[0], plain.shadow_scores),
    ):
        assert [_without_clock(encode(message)) for message in ours] == [_without_clock(raw) for _, raw in theirs]


def _without_clock(raw: bytes) -> dict[str, object]:
    fields: dict[str, object] = msgspec.json.decode(raw)
    return {name: value for name, value in fields.items() if name not in {"scored_at_ms", "latency_ms"}}
