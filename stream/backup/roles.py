"""The topic of role changes as a part of a backup: the only topic that is kept forever, and nowhere else as a whole."""

from pathlib import Path

from schemas.errors import BackupError, TransactionError
from stream.kafka.sole_writer import sole_transactions
from stream.kafka.topic_reader import read_topic
from stream.settings import KafkaSettings

#: One message per line, as it was sent: JSON in one line.
_NAME = "messages.jsonl"


class RolesPart:
    """All messages of `model-updates`, in their order.

    Args:
        kafka: Kafka connection.
        topic: Name of the topic.
    """

    name = "roles"

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic

    def save(self, folder: Path) -> None:
        """Copy the topic's messages. Messages that no program can have written are left out: workers ignore them."""
        messages = [each for each in read_topic(self._kafka, self._topic) if each and b"\n" not in each]
        (folder / _NAME).write_bytes(b"".join(message + b"\n" for message in messages))

    def require_empty(self) -> None:
        """Check that the topic exists and has no messages."""
        if messages := read_topic(self._kafka, self._topic):
            raise BackupError(
                f"roles: topic {self._topic} already has {len(messages)} messages, and nothing is overwritten; "
                "it needs no restore, or leave the part out"
            )

    def restore(self, folder: Path) -> None:
        """Send the messages again, all in one Kafka transaction."""
        messages = (folder / _NAME).read_bytes().split(b"\n")[:-1]
        if not messages:
            return
        try:
            with sole_transactions(self._kafka, self._topic) as transact:
                self.require_empty()  # once more, now that no other program can write
                transact({"topic": self._topic, "value": message, "partition": 0} for message in messages)
        except TransactionError as error:
            raise BackupError(f"roles: topic {self._topic} was not restored ({error}); check the broker") from error
