"""What each topic carries, who writes it and who reads it. Names and configuration are in `stream.kafka.topics`."""

import typing
from dataclasses import dataclass

from schemas.messages import PUBLIC


@dataclass(frozen=True)
class Channel:
    """The content of a topic.

    Attributes:
        key: What the message key contains; empty if messages have no key.
        messages: Names of the topic's kinds of messages in `schemas.messages.PUBLIC`.
        summary: What the topic carries, as a phrase.
        writers: Programs that write to the topic.
        readers: Programs that read it.
    """

    key: str
    messages: tuple[str, ...]
    summary: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]


#: The topics by the name of their setting in `TopicSettings`.
CHANNELS: dict[str, Channel] = {
    "transactions": Channel(
        "card_id",
        ("transaction",),
        "transactions that the workers score",
        ("payment system", "produce"),
        ("worker", "archive", "replay"),
    ),
    "transactions_http": Channel(
        "card_id",
        ("transaction",),
        "transactions scored over HTTP; workers never read this topic",
        ("http",),
        ("archive", "replay"),
    ),
    "decisions": Channel(
        "card_id",
        ("decision",),
        "one decision for each accepted transaction",
        ("worker", "http"),
        ("payment system", "ledger", "archive", "replay"),
    ),
    "alerts": Channel(
        "card_id",
        ("decision",),
        "the decisions with the verdict review or decline, with reasons",
        ("worker", "http"),
        ("analysts", "console"),
    ),
    "shadow_scores": Channel(
        "card_id",
        ("shadow-score",),
        "one score for each transaction and each model that did not decide it",
        ("worker", "http"),
        ("ledger",),
    ),
    "labels": Channel(
        "transaction_id",
        ("label",),
        "findings of banks, analysts and cardholders about transactions; may arrive weeks later",
        ("banks", "console"),
        ("ledger", "archive", "console"),
    ),
    "dead_letters": Channel(
        "original key",
        ("dead-letter",),
        "rejected messages with reason, origin and original bytes",
        ("worker", "ledger"),
        ("dead-letters", "console"),
    ),
    "dead_letter_replays": Channel(
        "position of the dead letter",
        ("dead-letter-replay",),
        "records of which dead letters were sent again",
        ("dead-letters",),
        ("dead-letters",),
    ),
    "model_updates": Channel(
        "",
        ("model-update",),
        "the complete assignment of roles, with an epoch that increases; kept forever",
        ("models", "policy", "fraud-train", "rollback monitor"),
        ("worker", "http", "ledger", "console"),
    ),
    "worker_status": Channel("slot", ("worker-status",), "state of each worker", ("worker",), ("models",)),
    "role_counts": Channel(
        "",
        ("role-counts",),
        "alerts and scores of each model since the worker's last message; can be added up across workers",
        ("worker", "http"),
        ("rollback monitor", "console"),
    ),
    "drift_counts": Channel(
        "",
        ("drift-counts",),
        "counts of feature values and scores in each bin of a bundle's reference",
        ("worker", "http"),
        ("drift monitor",),
    ),
    "drift_reports": Channel(
        "bundle_sha256",
        ("drift-report",),
        "comparison of one window with the reference, and whether it raises an alarm",
        ("drift monitor",),
        ("drift monitor", "console", "drift"),
    ),
    "retrain_requests": Channel(
        "",
        ("retrain-request",),
        "requests for a new model, and their outcomes",
        ("drift monitor", "fraud-train"),
        ("fraud-train",),
    ),
}


def struct_name(message: str) -> str:
    """Return the name of a message's struct, without type arguments.

    >>> struct_name("transaction")
    'Transaction'
    """
    struct = PUBLIC[message]
    return str((typing.get_origin(struct) or struct).__name__)
