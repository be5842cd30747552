"""Bad messages among good messages: each bad message becomes a dead letter with reason and source."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.manifest import MissingPolicy
from schemas.messages import ModelUpdate
from stream.app import WorkerProgram
from stream.control.role_writer import publish_roles
from stream.models.bundle_store import BundleStore
from stream.models.role_loader import RoleLoader
from stream.scoring.features import Matrix
from stream.scoring.model import Roles
from stream.settings import Settings
from tests.support.bundles import put_bundle
from tests.support.decision_monitor import DecisionMonitor
from tests.support.failing_model import FailingModel
from tests.support.in_process_worker import run_in_process
from tests.support.reconciliation import reconcile
from tests.support.topics import produce_all
from tests.support.traffic import send, transaction
from tests.support.worker_process import WorkerProcess
from tests.support.worker_state import metrics

Pair = tuple[bytes | None, bytes | None]
StartWorker = Callable[[Settings], WorkerProcess]


def text(**overrides: Any) -> str:
    """Return a good transaction as JSON text, for tests to corrupt."""
    return transaction(1, **overrides).decode()


def features(**values: Any) -> dict[str, Any]:
    """Return the features of a good transaction, with some values replaced."""
    return {"V1": 0.5, "V2": 0.25, "V3": -0.5} | values


def number(literal: str) -> bytes:
    """Return a transaction in which V1 is this JSON literal."""
    return text(features=features(V1="HERE")).replace('"HERE"', literal).encode()


#: Message value and dead-letter reason, by kind of bad message.
BAD: dict[str, tuple[bytes | None, str]] = {
    "not JSON": (b"card 1 pays 5 euros", "not_json"),
    "cut off": (transaction(1)[:-5], "not_json"),
    "empty": (b"", "empty"),
    "tombstone": (None, "empty"),
    "a list": (b"[]", "wrong_type"),
    "a number as text": (transaction(1, amount_minor="12"), "wrong_type"),
    "a feature as text": (transaction(1, features=features(V2="high")), "wrong_type"),
    "negative time": (transaction(1, event_time_ms=-1), "out_of_range"),
    "no features": (text().replace('"features"', '"nothing"').encode(), "missing_field"),
    "a feature missing": (transaction(1, features={"V1": 1.0, "V2": 1.0}), "missing_feature"),
    "NaN": (number("NaN"), "not_finite"),
    "1e39": (number("1e39"), "not_finite"),
    "1e400": (number("1e400"), "not_finite"),
    "unknown version": (transaction(1, schema_version=2), "schema_version"),
    "UTF-16": (text().encode("utf-16"), "not_utf8"),
    "Latin-1": (text(card_id="Käse").encode().replace(b"\\u00e4", b"\xe4"), "not_utf8"),
    "too large": (transaction(1, note="x" * 70_000), "too_large"),
    "nearly 2 MiB": (transaction(1, note="x" * 2_000_000), "too_large"),
    "more than 2 MiB": (transaction(1, note="x" * 2_500_000), "too_large"),
}  # fmt: skip


def test_bad_messages_among_good_ones(ready: Callable[..., Settings], start_worker: StartWorker) -> None:
    """Each bad message becomes a dead letter with its reason, source and original bytes; good messages are decided.

    For a message above 2 MiB, the dead letter carries the first 64 KiB and the hash of all bytes.
    """
    settings = ready()
    good: list[Pair] = [(b"key", transaction(number)) for number in range(100)]
    bad: list[Pair] = [(kind.encode(), value) for kind, (value, _) in BAD.items()]
    mixed = [pair for i, one in enumerate(bad) for pair in (*good[5 * i : 5 * i + 5], one)] + good[5 * len(bad) :]
    # Send all messages to one partition before the worker starts, so that they arrive in one batch.
    produce_compressed(settings, mixed)
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        monitor.wait(len(mixed))
        counts = metrics(settings)
        assert worker.stop() == 0
    result = reconcile(settings)
    assert len(result.decisions) == len(good)
    by_kind = {(dead_letter.key or b"").decode(): dead_letter for dead_letter in result.dead_letters.values()}
    assert {kind: dead_letter.reason.value for kind, dead_letter in by_kind.items()} == {
        k: reason for k, (_, reason) in BAD.items()
    }
    for (partition, offset), dead_letter in result.dead_letters.items():
        message = result.sent[partition, offset]
        value = message.value() or b""
        assert dead_letter.source_topic == settings.topic.transactions
        assert dead_letter.key == message.key()
        assert dead_letter.value_size == len(value)
        assert dead_letter.value_sha256 == hashlib.sha256(value).hexdigest()
        assert dead_letter.truncated == (dead_letter.value_size > 2 * 2**20)
        assert dead_letter.value == (value[: 64 * 1024] if dead_letter.truncated else message.value())
    for reason in {reason for _, reason in BAD.values()}:
        assert counts[f'dead_letters_total{{reason="{reason}"}}'] == sum(r == reason for _, r in BAD.values())


def produce_compressed(settings: Settings, messages: list[Pair]) -> None:
    """Send messages to partition 0 with compression, so that 2.5 MB of one repeated character fit."""
    produce_all(settings.kafka.bootstrap, settings.topic.transactions, messages, partition=0, compression="lz4")


def test_a_huge_key(ready: Callable[..., Settings], start_worker: StartWorker) -> None:
    """If the key would make the dead letter too large to send, the dead letter carries the beginning of the key."""
    settings = ready()
    produce_compressed(settings, [(b"k" * 1_900_000, b"x" * 1_900_000), (None, transaction(1))])
    with DecisionMonitor(settings) as monitor:
        start_worker(settings)
        monitor.wait(2)
    [dead_letter] = reconcile(settings).dead_letters.values()
    assert dead_letter.truncated
    assert dead_letter.key == b"k" * 64 * 1024
    assert dead_letter.value == b"x" * 1_900_000


def test_unusual_but_valid_messages(ready: Callable[..., Settings], start_worker: StartWorker) -> None:
    """A missing key, a repeated name and an unknown feature are accepted. The last value of a repeated name counts."""
    settings = ready()
    unusual = [
        (None, transaction(1)),
        (b"k", text(features=features(V1="HERE")).replace('"HERE"', '9.0, "V1": -9.0').encode()),
        (b"k", transaction(3, features=features(V99=1.0))),
        (b"k", transaction(4, features=features(V99="anything"))),
    ]
    produce_all(settings.kafka.bootstrap, settings.topic.transactions, unusual)
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        monitor.wait(len(unusual))
        assert metrics(settings)['unknown_features{feature="V99"}'] == 2
        assert worker.stop() == 0
    result = reconcile(settings)
    assert not result.dead_letters
    assert min(decision.score for decision in result.decisions.values()) < 1e-4  # V1 = -9, not 9


@pytest.mark.parametrize(
    ("missing", "reason"), [pytest.param("refuse", "null_feature", marks=pytest.mark.slow), ("nan", "unscorable")]
)
def test_a_null_that_cannot_be_scored(
    settings: Settings, start_worker: StartWorker, missing: MissingPolicy, reason: str
) -> None:
    """Null is rejected if the champion's missing-value policy says so, or if the model cannot handle null.

    In the second case the transaction is at fault, because the parity rows can still be scored.
    """
    publish_roles(
        settings.kafka,
        settings.topic,
        champion=put_bundle(Path(settings.bundle.store), "1", missing=missing),
        author="test",
    )
    null = transaction(0, features=features(V2=None))
    produce_all(settings.kafka.bootstrap, settings.topic.transactions, [(b"k", null), (b"k", transaction(1))])
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        monitor.wait(2)
        assert worker.stop() == 0
    [dead_letter] = reconcile(settings).dead_letters.values()
    assert dead_letter.reason == reason


class RowFailingLoader(RoleLoader):
    """Loads champions that fail on every run that contains a row whose first feature is above 100."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(BundleStore(settings.bundle.store))

    def load(self, update: ModelUpdate) -> Roles:
        """Load the models and their roles, and wrap the champion."""
        roles = super().load(update)

        def is_bad(matrix: Matrix) -> NDArray[np.bool_]:
            return np.asarray(matrix[:, 0] > 100)

        champion = FailingModel(roles.champion.model, is_bad=is_bad)
        return replace(roles, champion=replace(roles.champion, model=champion))


def unscorable(count: int) -> list[Pair]:
    """Return transactions on which the champion of `RowFailingLoader` fails."""
    return [(b"bad", transaction(i, features=features(V1=1000.0))) for i in range(count)]


def test_a_row_the_champion_cannot_score(ready: Callable[..., Settings]) -> None:
    """A row that makes the champion's entire run fail is isolated and dead-lettered; the other rows are decided."""
    settings = ready()
    send(settings, 500)
    produce_all(settings.kafka.bootstrap, settings.topic.transactions, unscorable(3))
    send(settings, 500, first=500)
    with DecisionMonitor(settings) as monitor:
        run_in_process(
            lambda: WorkerProgram(settings, loader=RowFailingLoader(settings)), lambda _: monitor.wait(1_003)
        )
    result = reconcile(settings)
    assert {dead_letter.reason.value for dead_letter in result.dead_letters.values()} == {"unscorable"}
    assert len(result.dead_letters) == 3
    assert len(result.decisions) == 1_000
