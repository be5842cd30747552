"""Details of dead letters, scoring of null, and the limit on unscorable transactions. See also `test_bad_input`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper, load_from_string, numpy_helper

from schemas.manifest import MissingPolicy
from stream.control.role_writer import publish_roles
from stream.settings import Settings
from tests.support import bundles
from tests.support.bundles import logistic_onnx, put_bundle
from tests.support.decision_monitor import DecisionMonitor
from tests.support.exits import assert_exits
from tests.support.reconciliation import Reconciliation, reconcile
from tests.support.topics import produce_all, read_all
from tests.support.traffic import transaction
from tests.support.worker_process import WorkerProcess

StartWorker = Callable[[Settings], WorkerProcess]


def with_features(**changes: float | str | None) -> bytes:
    """Return a good transaction with some features replaced."""
    return transaction(1, features={"V1": 0.5, "V2": -0.5, "V3": 1.0} | changes)


def with_v2(literal: str) -> bytes:
    """Return a transaction in which V2 is this JSON literal."""
    return with_features(V2="?").replace(b'"?"', literal.encode())


def padded(size: int) -> bytes:
    """Return a transaction of exactly `size` bytes that is valid except perhaps for its size."""
    return transaction(1).ljust(size)


#: Message value, dead-letter reason, and the detail (only part of the detail where the JSON decoder writes the text).
BAD: tuple[tuple[bytes | None, str, str], ...] = (
    (None, "empty", "the message has no value"),
    (transaction(1) * 2, "not_json", "JSON is malformed: trailing characters"),
    (transaction(1).decode().encode("utf-16"), "not_utf8", "byte 0 is not UTF-8"),
    (transaction(1).decode().encode("utf-16-le"), "not_json", "JSON is malformed"),  # without a byte order mark
    (transaction(1, amount_minor=1.5), "wrong_type", "Expected `int`, got `float` - at `$.amount_minor`"),
    (transaction(1, currency="eur"), "out_of_range", "at `$.currency`"),
    (transaction(1, features={"V1": 1, "V3": 1}), "missing_feature", "missing required field `V2`"),
    (transaction(1, schema_version=2), "schema_version", "unknown schema_version; send 1"),
    (with_v2("NaN"), "not_finite", "NaN is not JSON; send null"),
    (with_v2("-Infinity"), "not_finite", "-Infinity is not JSON; send null"),
    (with_v2("1e39"), "not_finite", "feature V2 is not finite as float32"),
    (with_v2("1e400"), "not_finite", "Number out of range"),
    (padded(65_537), "too_large", "65537 bytes, the limit is 65536 (FRAUD_SCORING_MAX_TRANSACTION_BYTES)"),
)


def process(settings: Settings, start_worker: StartWorker, values: list[bytes | None]) -> Reconciliation:
    """Send values to partition 0 before starting the worker, which then reads them together; reconcile the result."""
    rows = [(b"\xff key", value) for value in values]  # a key need not be text
    produce_all(settings.kafka.bootstrap, settings.topic.transactions, rows, partition=0)
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        monitor.wait(len(rows))
        assert worker.stop() == 0
    return reconcile(settings)


def test_a_dead_letter_names_its_reason_precisely(ready: Callable[..., Settings], start_worker: StartWorker) -> None:
    """Each dead letter names the field, limit or byte; a valid transaction of exactly the maximum size is decided."""
    result = process(ready(), start_worker, [*(value for value, _, _ in BAD), padded(65_536)])
    for offset, (value, reason, detail) in enumerate(BAD):
        dead_letter = result.dead_letters[0, offset]
        assert dead_letter.reason == reason, dead_letter
        assert detail in dead_letter.detail
        assert (dead_letter.key, dead_letter.value) == (b"\xff key", value)
    assert list(result.decisions) == [(0, len(BAD))]


def nan_aware_onnx(weights: NDArray[np.float32], bias: float) -> bytes:
    """Return the logistic graph with NaN replaced by 0.25, like a tree with a branch for missing values."""
    model = load_from_string(logistic_onnx(weights, bias))
    matmul, *rest = model.graph.node
    matmul.input[0] = "filled"
    nodes = [
        helper.make_node("IsNaN", ["x"], ["missing"]),
        helper.make_node("Where", ["missing", "fill_value", "x"], ["filled"]),
        matmul,
        *rest,
    ]
    fill_value = numpy_helper.from_array(np.array(0.25, dtype=np.float32), "fill_value")
    graph = helper.make_graph(
        nodes, "nan-aware", model.graph.input, model.graph.output, [*model.graph.initializer, fill_value]
    )
    raw: bytes = helper.make_model(graph, opset_imports=model.opset_import, ir_version=9).SerializeToString()
    return raw


@pytest.mark.parametrize(
    ("missing", "value_of_null"), [pytest.param("median", 0.0, marks=pytest.mark.slow), ("nan", 0.25)]
)
def test_null_is_scored(
    settings: Settings,
    start_worker: StartWorker,
    monkeypatch: pytest.MonkeyPatch,
    missing: MissingPolicy,
    value_of_null: float,
) -> None:
    """Null becomes the reference median or NaN, depending on the champion's missing-value policy."""
    monkeypatch.setattr(bundles, "logistic_onnx", nan_aware_onnx)
    publish_roles(
        settings.kafka, settings.topic, champion=put_bundle(Path(settings.bundle.store), missing=missing), author="test"
    )
    result = process(settings, start_worker, [transaction(0), with_features(V2=None), transaction(2)])
    assert not result.dead_letters
    margin = 0.5 + value_of_null + 1.0 - 4.0
    assert result.decisions[0, 1].score == pytest.approx(1 / (1 + np.exp(-margin)), abs=1e-6)


def test_too_many_unscorable_rows_end_the_process(settings: Settings, start_worker: StartWorker) -> None:
    """The worker exits with code 1 and commits nothing; a worker with a higher limit then decides the batch."""
    # This logistic model returns NaN for NaN, although its manifest says that it handles NaN.
    publish_roles(
        settings.kafka, settings.topic, champion=put_bundle(Path(settings.bundle.store), missing="nan"), author="test"
    )
    rows = [(b"card", with_features(V1=None) if n % 10 == 0 else transaction(n)) for n in range(40)]
    produce_all(settings.kafka.bootstrap, settings.topic.transactions, rows, partition=0)
    strict = settings.replace(worker_max_unscorable_per_minute=3)
    assert assert_exits(start_worker(strict), 15) == (
        "fraud-stream: more than 3 transactions in a minute could not be scored; check the champion, "
        "or raise FRAUD_WORKER_MAX_UNSCORABLE_PER_MINUTE"
    )
    for topic in (settings.topic.decisions, settings.topic.dead_letters):
        assert read_all(settings.kafka.bootstrap, topic) == []
    with DecisionMonitor(settings) as monitor:
        start_worker(settings.replace(worker_max_unscorable_per_minute=4))
        monitor.wait(40)
    dead_letters = reconcile(settings).dead_letters
    assert {each.detail for each in dead_letters.values()} == {"model 1 gives no score for it"}
    assert sorted(dead_letters) == [(0, 0), (0, 10), (0, 20), (0, 30)]
