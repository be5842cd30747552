"""Tests the worker's metrics, as Prometheus reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from schemas.errors import DeadLetterReason
from stream.scoring.model import Roles, ScoringModel
from stream.worker.metrics import LATENCY_BUCKETS, BatchHistogram, WorkerMetrics
from stream.worker.outputs import BatchOutputs
from tests.scoring.fake_model import assign_roles, fake_model

R = DeadLetterReason
Sample = tuple[str, dict[str, str], float]


def samples(registry: CollectorRegistry) -> list[Sample]:
    """Return the samples of a scrape, without the creation times."""
    text = generate_latest(registry).decode()
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]


def shown(metrics: WorkerMetrics, name: str, label: str) -> dict[str, float]:
    """Return a metric's values, keyed by one of its labels."""
    return {labels[label]: value for sample, labels, value in samples(metrics.registry) if sample == name}


def value(metrics: WorkerMetrics, name: str) -> float:
    """Return the value of a metric without labels."""
    (only,) = (value for sample, _, value in samples(metrics.registry) if sample == name)
    return only


def roles(champion: ScoringModel, *challengers: ScoringModel, epoch: int = 1) -> Roles:
    """Return roles in which the champion decides by its own policy."""
    return Roles(epoch, *assign_roles(champion, *challengers))


def test_a_committed_batch_is_counted_once() -> None:
    """Transactions count by outcome, decisions by verdict and dead letters by reason."""
    metrics = WorkerMetrics()
    outputs = BatchOutputs(decided=10, alerts=["review", "decline", "review"], refusals=[R.NOT_JSON, R.EMPTY, R.EMPTY])
    metrics.committed(outputs, latency_s=0.004)
    assert shown(metrics, "prediction_requests_total", "outcome") == {"decided": 10, "dead_letter": 3}
    assert shown(metrics, "fraud_predictions_total", "verdict") == {"approve": 7, "review": 2, "decline": 1}
    assert shown(metrics, "dead_letters_total", "reason") == {"not_json": 1, "empty": 2}
    assert value(metrics, "batch_size_transactions_count") == 1
    assert value(metrics, "batch_size_transactions_sum") == 13


def test_every_transaction_of_a_batch_has_its_latency() -> None:
    """The latency histogram counts each transaction in a batch, not the batch."""
    metrics = WorkerMetrics()
    metrics.committed(BatchOutputs(decided=10), latency_s=0.004)
    metrics.committed(BatchOutputs(decided=2, refusals=[R.EMPTY]), latency_s=0.5)
    assert value(metrics, "prediction_latency_seconds_count") == 13
    assert value(metrics, "prediction_latency_seconds_sum") == pytest.approx(10 * 0.004 + 3 * 0.5)
    buckets = shown(metrics, "prediction_latency_seconds_bucket", "le")
    assert (buckets["0.002"], buckets["0.005"], buckets["0.25"], buckets["0.5"], buckets["+Inf"]) == (0, 10, 10, 13, 13)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.002, 0.0021, 1.0, 30.0, 31.0, 500.0]), st.integers(0, 5))))
def test_a_batch_histogram_equals_the_client_s_histogram(observed: list[tuple[float, int]]) -> None:
    """The histogram has the same buckets, names, count and sum as if each value were observed separately."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    many = BatchHistogram("latency_seconds", "Help.", LATENCY_BUCKETS, ours)
    single = Histogram("latency_seconds", "Help.", buckets=LATENCY_BUCKETS, registry=theirs)
    for seconds, times in observed:
        many.observe(seconds, times)
        for _ in range(times):
            single.observe(seconds)
    assert [each[:2] for each in samples(ours)] == [each[:2] for each in samples(theirs)]
    assert [each[2] for each in samples(ours)] == pytest.approx([each[2] for each in samples(theirs)])


def test_metrics_are_zero_before_the_first_batch() -> None:
    """Metrics exist with the value 0 before the first batch, so that a rate can be computed from the start."""
    metrics = WorkerMetrics()
    assert set(shown(metrics, "prediction_latency_seconds_bucket", "le").values()) == {0}
    assert value(metrics, "transaction_aborts_total") == 0


def test_the_models_in_a_role_are_shown() -> None:
    """Each model has one series with name, version and hash."""
    metrics = WorkerMetrics()
    metrics.roles.swapped(roles(fake_model(), fake_model(version="2"), fake_model(version="3"), epoch=4), "applied")
    assert value(metrics, "role_epoch") == 4
    info = [labels for name, labels, one in samples(metrics.registry) if name == "model_info" and one == 1]
    assert sorted((each["role"], each["name"], each["version"], each["sha256"]) for each in info) == [
        ("challenger", "fraud", "2", "2".rjust(64, "0")),
        ("challenger", "fraud", "3", "3".rjust(64, "0")),
        ("champion", "fraud", "1", "1".rjust(64, "0")),
    ]


def test_a_swap_clears_the_series_of_the_previous_roles() -> None:
    """When roles change, the series of removed models and of unknown features vanish, and counters continue."""
    metrics = WorkerMetrics()
    metrics.roles.swapped(roles(fake_model(), fake_model(version="2")), "applied")
    metrics.roles.unknown_features({"W1": 3})
    metrics.committed(BatchOutputs(decided=1), 0.01)
    metrics.roles.swapped(roles(fake_model(version="2"), epoch=2), "fallback")
    assert shown(metrics, "model_info", "version") == {"2": 1}
    assert shown(metrics, "model_info", "role") == {"champion": 1}
    assert shown(metrics, "unknown_features", "feature") == {}
    assert shown(metrics, "prediction_requests_total", "outcome")["decided"] == 1
    assert value(metrics, "role_epoch") == 2


def test_role_changes_are_counted_by_their_result() -> None:
    """Role changes count as `applied`, `fallback` or `refused`; a rejected change does not change the models shown."""
    metrics = WorkerMetrics()
    metrics.roles.swapped(roles(fake_model()), "applied")
    metrics.roles.swapped(roles(fake_model(version="2"), epoch=2), "applied")
    metrics.roles.swapped(roles(fake_model(), epoch=2), "fallback")
    metrics.roles.refused()
    assert shown(metrics, "model_swaps_total", "result") == {"applied": 2, "fallback": 1, "refused": 1}
    assert shown(metrics, "model_info", "version") == {"1": 1}


def test_unknown_features_show_the_scorer_s_own_count() -> None:
    """The scorer's count is a total over batches, so the newest value replaces the previous value."""
    metrics = WorkerMetrics()
    metrics.roles.unknown_features({"W1": 1})
    metrics.roles.unknown_features({"W1": 5, "other": 2})
    assert shown(metrics, "unknown_features", "feature") == {"W1": 5, "other": 2}


def test_aborts_and_lag() -> None:
    """Aborts add up; the lag is the newest value."""
    metrics = WorkerMetrics()
    metrics.aborted()
    metrics.aborted()
    metrics.lag(7)
    metrics.lag(3)
    assert value(metrics, "transaction_aborts_total") == 2
    assert value(metrics, "consumer_lag_transactions") == 3


def test_two_workers_in_one_process_count_separately() -> None:
    """Two workers in one process count separately, because each worker has its own registry."""
    one, other = WorkerMetrics(), WorkerMetrics()
    one.aborted()
    assert value(other, "transaction_aborts_total") == 0
