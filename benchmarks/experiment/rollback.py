"""A broken challenger, promoted by hand on a real Kafka with two workers: it is taken back by itself."""

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
from stream.models.bundle import find_bundle
from stream.models.bundle_store import BundleStore
from stream.runtime.background import Background
from stream.runtime.ports import free_port
from stream.settings import Settings
from training.registry.roles import publish

#: Transactions a second, how many before the promotion, and the blocks of a thousand or more that they make at least:
#: a short while instead of a day, for nobody waits so long here, and the same transactions come again and again.
RATE, USUAL, MIN_BLOCKS = 3_000.0, 90_000, 30
#: Seconds that the guard gets; well beyond what it promises.
PATIENCE_S = 60.0
#: Alerts on every fourth transaction: a threshold that slipped by some zeros.
BROKEN = Policy("broken", review=0.0001, decline=1.0)
LOG = Path("var/experiment")


@dataclass(frozen=True)
class RolledBack:
    """What became of the promotion."""

    #: Seconds from the promotion being written to the rollback being written.
    seconds: float
    #: What the guard wrote.
    note: str
    #: Decisions made by the broken champion, and of these alerts.
    decisions: int
    alerts: int
    #: Roles that were written after the promotion.
    changes: int


def promote_a_broken_one(directory: Path) -> RolledBack:
    """Run two workers, promote a broken bundle by hand, and wait until the guard takes it back.

    Raises:
        FraudError: If a program fails, or nothing is taken back within `PATIENCE_S`.
    """
    prepared = prepare()
    with _stream(prepared, directory) as settings:
        with _Feeder(settings, prepared) as feeder:
            feeder.wait(USUAL)
            broken = _break(settings, prepared)
            change = combine_changes([], broken)
            promoted = change_roles(settings, change, author="experiment", note="promoted by hand, unseen by any gate")
            back = _await_rollback(settings, promoted.epoch)
        time.sleep(2.0)  # what was in hand is decided
        decisions = [each for each in _decisions(settings) if each.role_epoch == promoted.epoch]
        alerts = sum(each.verdict != "approve" for each in decisions)
        after = [update for update in all_roles(settings) if update.epoch > promoted.epoch]
        return RolledBack(
            (back.written_at_ms - promoted.written_at_ms) / 1000, back.note, len(decisions), alerts, len(after)
        )


@contextlib.contextmanager
def _stream(prepared: Prepared, directory: Path) -> Iterator[Settings]:
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
    # The workers need not be ready: transactions wait for them.
    with Stack(broker, workers, prepare_topics, ready_s=None):
        yield settings


class _Feeder(Background):
    """Sends the test part over and over, under ids of their own, until left."""

    def __init__(self, settings: Settings, prepared: Prepared) -> None:
        super().__init__("feeder")
        self._settings, self._messages = settings, prepared.messages
        self._sent = 0

    def wait(self, sent: int) -> None:
        """Wait until so many are sent.

        Raises:
            FraudError: If that takes far too long.
        """
        deadline = time.monotonic() + sent / RATE + PATIENCE_S
        while self._sent < sent:
            if time.monotonic() > deadline:
                raise FraudError(f"only {self._sent} of {sent} transactions were sent in time; free the machine")
            time.sleep(0.2)

    def _run(self) -> None:
        second = int(RATE)
        for turn in itertools.count():
            for start in range(0, len(self._messages), second):
                if self._stopping.is_set():
                    return
                part = self._messages[start : start + second]
                send_transactions(
                    self._settings.kafka,
                    self._settings.topic.transactions,
                    [(key, _renamed(value, turn)) for key, value in part],
                    RATE,
                    lambda _: None,
                )
                self._sent += len(part)


def _renamed(value: bytes, turn: int) -> bytes:
    transaction = msgspec.json.decode(value)
    transaction["transaction_id"] = f"{turn}-{transaction['transaction_id']}"
    return msgspec.json.encode(transaction)


def _break(settings: Settings, prepared: Prepared) -> BundleRef:
    """Put the champion's bundle into the store again, with the broken policy."""
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
    return find_bundle(store, "fraud/broken")


def _await_rollback(settings: Settings, epoch: int) -> ModelUpdate:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        newest = all_roles(settings)[-1]
        if newest.epoch > epoch:
            return newest
        time.sleep(0.2)
    raise FraudError(f"nothing was taken back within {PATIENCE_S:g} s; {LOG} says why")


def _decisions(settings: Settings) -> Iterator[Decision]:
    decode = msgspec.json.Decoder(Decision).decode
    for batch in read_range(settings.kafka, settings.topic.decisions, TopicRange()):
        yield from (decode(value or b"") for value in batch.values)
