"""The control topic `model-updates`: the truth about who decides and who watches.

One partition, kept for ever, read whole by every worker without a group. One writer at a time: a writer first
fences every other (the same transactional id), then reads the newest epoch, then writes the next.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.errors import BrokerAwayError, RolesError, StaleEpochError, TopicMissingError
from schemas.messages import BundleRef, Challenger, ModelUpdate, Policy, encode
from stream.kafka.clients import CONNECT_S, consumer_config, producer_config, require_broker
from stream.settings import Settings

log = logging.getLogger(__name__)

_decoder = msgspec.json.Decoder(ModelUpdate)


class _Versioned(msgspec.Struct):
    schema_version: int


def decode_update(raw: bytes | None) -> ModelUpdate:
    """Read one assignment.

    Raises:
        RolesError: If the bytes are no assignment of a known schema version.
    """
    try:
        return _decoder.decode(raw or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RolesError(f"no assignment of roles ({error}); publish one with `fraud-train publish`") from error


class ControlReader:
    """Reads `model-updates` from its beginning and follows it.

    Args:
        settings: Addresses and the topic's name.
    """

    def __init__(self, settings: Settings) -> None:
        # A group id is required but never used: partitions are assigned by hand and nothing is committed.
        # The short wait is for the end of a quiet topic, which the broker otherwise holds back for 500 ms.
        own = {"group.id": f"{settings.group}-control-reader", "fetch.wait.max.ms": 50}
        self._consumer = Consumer(consumer_config(settings) | own)
        self._topic = settings.topic_model_updates
        self._consumer.assign([TopicPartition(self._topic, 0, OFFSET_BEGINNING)])

    def history(self, timeout: float = CONNECT_S) -> list[bytes | None]:
        """Read everything that is there now.

        Raises:
            BrokerAwayError: If the end is not reached within `timeout` seconds.
            TopicMissingError: If there is no such topic.
        """
        deadline = time.monotonic() + timeout
        found: list[bytes | None] = []
        while time.monotonic() < deadline:
            message = self._consumer.poll(0.1)
            if message is None:
                continue
            error = message.error()
            if error is None:
                found.append(message.value())
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with _
                return found
            elif error.code() in {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}:  # noqa: SLF001 - likewise
                raise TopicMissingError(f"topic {self._topic} is not there; create it with `fraud-stream topics`")
        raise BrokerAwayError(
            f"{self._topic} could not be read to its end in {timeout:g} s; look at the broker and its log"
        )

    def follow(self, until: Callable[[], bool], poll_s: float = 0.2) -> Iterator[bytes | None]:
        """Yield each further message, in order, until something holds."""
        while not until():
            message = self._consumer.poll(poll_s)
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message.value()
            elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - as above
                log.warning("following %s: %s; the client tries again", self._topic, error.str())

    def close(self) -> None:
        """Let go of the consumer."""
        self._consumer.close()


def current_roles(settings: Settings) -> ModelUpdate | None:
    """Return the newest assignment, as every worker takes it, or None before the first; errors as `all_roles`."""
    updates = all_roles(settings)
    return updates[-1] if updates else None


def all_roles(settings: Settings) -> list[ModelUpdate]:
    """Return every assignment, oldest first.

    What workers ignore is left out: what cannot be read, and an epoch that does not rise.

    Raises:
        BrokerAwayError: If no broker answers.
        TopicMissingError: If there is no control topic.
        RolesError: If a newer program has written there: it knows better who decides.
    """
    require_broker(settings)
    reader = ControlReader(settings)
    try:
        history = reader.history()
    finally:
        reader.close()
    updates: list[ModelUpdate] = []
    for raw in history:
        try:
            update = decode_update(raw)
        except RolesError:
            _refuse_newer(raw)
            continue
        if not updates or update.epoch > updates[-1].epoch:
            updates.append(update)
    return updates


def _refuse_newer(raw: bytes | None) -> None:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        version = msgspec.json.decode(raw or b"", type=_Versioned).schema_version
        if version > ModelUpdate.__struct_defaults__[-1]:
            raise RolesError(f"roles were written in schema version {version}; upgrade this program first")


def publish_roles(
    settings: Settings,
    *,
    champion: BundleRef,
    challengers: tuple[Challenger, ...] = (),
    policy: Policy | None = None,
    author: str,
    note: str = "",
    expected_epoch: int | None = None,
) -> ModelUpdate:
    """Write the next assignment of roles; the champion it replaces becomes `previous`.

    Args:
        settings: Addresses and the topic's name.
        champion: Decides.
        challengers: Watch.
        policy: Instead of the champion's own.
        author: Who wrote it, for the audit.
        note: Why.
        expected_epoch: The epoch this change was thought out on; None takes whatever is there (0 before the first).

    Raises:
        StaleEpochError: If another writer was quicker.
        BrokerAwayError: If no broker answers.
    """
    require_broker(settings)
    name = f"{settings.topic_model_updates}-writer"
    producer = Producer(producer_config(settings) | {"transactional.id": name, "transaction.timeout.ms": 10_000})
    try:
        producer.init_transactions(CONNECT_S)
        last = current_roles(settings)
        epoch = last.epoch if last else 0
        if expected_epoch not in (None, epoch):
            raise StaleEpochError(f"roles are at epoch {epoch}, not {expected_epoch}; look at them and decide again")
        previous = None
        if last is not None:
            previous = last.champion if last.champion.sha256 != champion.sha256 else last.previous
        update = ModelUpdate(
            epoch + 1, champion, time.time_ns() // 1_000_000, author, note, previous, challengers, policy
        )
        producer.begin_transaction()
        producer.produce(settings.topic_model_updates, encode(update), partition=0)
        producer.commit_transaction(CONNECT_S)
    except KafkaException as error:
        reason = error.args[0]
        if reason.fatal() or reason.code() == KafkaError._FENCED:  # noqa: SLF001 - librdkafka's own code
            raise StaleEpochError("another writer changed the roles meanwhile; look at them and decide again") from None
        raise RolesError(
            f"whether the roles were written is not known ({reason.str()}); "
            f"look with: fraud-stream tail {settings.topic_model_updates} --from-beginning"
        ) from error
    return update
