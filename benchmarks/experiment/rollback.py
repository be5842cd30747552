"""A broken bundle, promoted by hand on a real Kafka with two workers, and its automatic rollback."""

import contextlib
import itertools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from deploy.demo.prepare import Prepared, prepare
from schemas.errors import FraudError
from schemas.manifest import MANIFEST_NAME, decode_manifest, encode_manifest
from schemas.messages import BundleRef, Decision, ModelUpdate, Policy
from stream.control.role_changes import combine_changes
from stream.control.role_reader import all_roles
from stream.control.role_writer import change_roles
from stream.kafka.load_generator import send_transactions
from stream.kafka.topic_range import TopicRange, read_range
from stream.kafka.topics import create_topics
from stream.local.broker import LocalBroker
from stream.local.program_process import stream_program
from stream.local.stack import Stack
from stream.models.bundle import resolve_bundle
from stream.models.bundle_store import BundleStore
from stream.runtime.background import Background
from stream.runtime.ports import free_port
from stream.settings import Settings
from training.registry.roles import publish

#: Transactions per second, number of transactions before the promotion, and minimum number of blocks (of at least 1,000
#: transactions) for the monitor's bounds. These replace a day of history; the same transactions are repeated.
RATE, BEFORE_PROMOTION, MIN_BLOCKS = 3_000.0, 90_000, 30
#: Seconds to wait for the rollback, well above the monitor's target.
TIMEOUT_S = 60.0
#: Threshold that is a thousand times too low and alerts on every fourth transaction.
BROKEN = Policy("broken", review=0.0001, decline=1.0)
LOG = Path("var/experiment")


@dataclass(frozen=True)
class RollbackResult:
    """What happened after the broken champion was promoted."""

    #: Seconds from the role change of the promotion to that of the rollback.
    seconds: float
    #: Note on the role change that rolled back the champion.
    note: str
    #: Number of decisions by the broken champion, and number of alerts among them.
    decisions: int
    alerts: int
    #: Number of role changes after the promotion.
    changes: int


def promote_broken_bundle(directory: Path) -> RollbackResult:
    """Run two workers, promote a broken bundle by hand, and wait for the rollback.

    Raises:
        FraudError: If a program fails, or there is no rollback within `TIMEOUT_S`.
    """
    prepared = prepare()
    with _running_workers(prepared, directory) as settings:
        with _RepeatedTraffic(settings, prepared) as traffic:
            traffic.wait(BEFORE_PROMOTION)
            broken = _put_broken_bundle(settings, prepared)
            change = combine_changes([], broken)
            promoted = change_roles(
                settings.kafka, settings.topic, change, author="experiment", note="promoted by hand, without the gate"
            )
            rollback = _wait_for_rollback(settings, promoted.epoch)
        time.sleep(2.0)  # time to decide the batches in flight
        decisions = [each for each in _decisions(settings) if each.role_epoch == promoted.epoch]
        alerts = sum(each.verdict != "approve" for each in decisions)
        after = [update for update in all_roles(settings.kafka, settings.topic) if update.epoch > promoted.epoch]
        return RollbackResult(
            (rollback.written_at_ms - promoted.written_at_ms) / 1000, rollback.note, len(decisions), alerts, len(after)
        )


@contextlib.contextmanager
def _running_workers(prepared: Prepared, directory: Path) -> Iterator[Settings]:
    broker, store = LocalBroker(directory / "kafka"), directory / "bundles"
    settings = Settings().replace(
        kafka_bootstrap=broker.bootstrap, bundle_store=str(store), rollback_min_blocks=MIN_BLOCKS
    )

    def prepare_topics() -> None:
        source = BundleStore(prepared.roles.store)
        for ref in (prepared.roles.champion, *prepared.roles.challengers):
            with source.fetch(ref.path) as local:
                BundleStore(str(store)).put(local, ref.path)
        create_topics(settings.kafka, settings.topic)
        publish(prepared.roles, settings, "experiment")

    LOG.mkdir(parents=True, exist_ok=True)
    workers = [
        stream_program("worker", settings.replace(kafka_slot=slot, web_port=free_port()), LOG / f"worker-{slot}.log")
        for slot in ("a", "b")
    ]
    # There is no need to wait until the workers are ready, because transactions wait in Kafka.
    with Stack(broker, workers, prepare_topics, ready_s=None):
        yield settings


class _RepeatedTraffic(Background):
    """Sends the test set repeatedly, with new transaction ids each time, until the context is left."""

    def __init__(self, settings: Settings, prepared: Prepared) -> None:
        super().__init__("repeated-traffic")
        self._settings, self._messages = settings, prepared.messages
        self._sent = 0

    def wait(self, sent: int) -> None:
        """Wait until `sent` transactions have been sent.

        Raises:
            FraudError: If sending takes more than `TIMEOUT_S` seconds longer than planned.
        """
        deadline = time.monotonic() + sent / RATE + TIMEOUT_S
        while self._sent < sent:
            if time.monotonic() > deadline:
                raise FraudError(
                    f"only {self._sent} of {sent} transactions were sent in time; reduce the load on this machine"
                )
            time.sleep(0.2)

    def _run(self) -> None:
        second = int(RATE)
        for repetition in itertools.count():
            for start in range(0, len(self._messages), second):
                if self._stopping.is_set():
                    return
                part = self._messages[start : start + second]
                send_transactions(
                    self._settings.kafka,
                    self._settings.topic.transactions,
                    [(key, _with_new_id(value, repetition)) for key, value in part],
                    RATE,
                    lambda _: None,
                )
                self._sent += len(part)


def _with_new_id(value: bytes, repetition: int) -> bytes:
    transaction = msgspec.json.decode(value)
    transaction["transaction_id"] = f"{repetition}-{transaction['transaction_id']}"
    return msgspec.json.encode(transaction)


def _put_broken_bundle(settings: Settings, prepared: Prepared) -> BundleRef:
    """Store a copy of the champion's bundle with the broken policy."""
    store = BundleStore(settings.bundle.store)
    with store.fetch(prepared.roles.champion.path) as local, tempfile.TemporaryDirectory() as scratch:
        broken = Path(scratch) / "bundle"
        broken.mkdir()
        for file in local.iterdir():
            (broken / file.name).write_bytes(file.read_bytes())
        manifest = decode_manifest((broken / MANIFEST_NAME).read_bytes())
        manifest = msgspec.structs.replace(manifest, version="broken", policy=BROKEN)
        (broken / MANIFEST_NAME).write_bytes(encode_manifest(manifest))
        store.put(broken, "fraud/broken")
    return resolve_bundle(store, "fraud/broken")


def _wait_for_rollback(settings: Settings, epoch: int) -> ModelUpdate:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        newest = all_roles(settings.kafka, settings.topic)[-1]
        if newest.epoch > epoch:
            return newest
        time.sleep(0.2)
    raise FraudError(f"the champion was not rolled back within {TIMEOUT_S:g} s; see the workers' logs in {LOG}")


def _decisions(settings: Settings) -> Iterator[Decision]:
    decode = msgspec.json.Decoder(Decision).decode
    for batch in read_range(settings.kafka, settings.topic.decisions, TopicRange()):
        yield from (decode(value or b"") for value in batch.values)
