"""What each topic carries. Names and configuration are in `stream.kafka.topics`, readers and writers in `access.py`."""

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
    """

    key: str
    messages: tuple[str, ...]
    summary: str


#: The topics by the name of their setting in `TopicSettings`.
CHANNELS: dict[str, Channel] = {
    "transactions": Channel(
        "card_id",
        ("transaction",),
        "transactions that the workers score",
    ),
    "transactions_http": Channel(
        "card_id",
        ("transaction",),
        "transactions scored over HTTP; workers never read this topic",
    ),
    "decisions": Channel(
        "card_id",
        ("decision",),
        "one decision for each accepted transaction",
    ),
    "alerts": Channel(
        "card_id",
        ("decision",),
        "the decisions with the verdict review or decline, with reasons",
    ),
    "shadow_scores": Channel(
        "card_id",
        ("shadow-score",),
        "one score for each transaction and each model that did not decide it",
    ),
    "labels": Channel(
        "transaction_id",
        ("label",),
        "findings of banks, analysts and cardholders about transactions; may arrive weeks later",
    ),
    "dead_letters": Channel(
        "original key",
        ("dead-letter",),
        "rejected messages with reason, origin and original bytes",
    ),
    "dead_letter_replays": Channel(
        "position of the dead letter",
        ("dead-letter-replay",),
        "records of which dead letters were sent again",
    ),
    "model_updates": Channel(
        "",
        ("model-update",),
        "the complete assignment of roles, with an epoch that increases; kept forever",
    ),
    "worker_status": Channel("slot", ("worker-status",), "state of each worker"),
    "role_counts": Channel(
        "",
        ("role-counts",),
        "alerts and scores of each model since the worker's last message; can be added up across workers",
    ),
    "drift_counts": Channel(
        "",
        ("drift-counts",),
        "counts of feature values and scores in each bin of a bundle's reference",
    ),
    "drift_reports": Channel(
        "bundle_sha256",
        ("drift-report",),
        "comparison of one window with the reference, and whether it raises an alarm",
    ),
    "retrain_requests": Channel(
        "",
        ("retrain-request",),
        "requests for a new model, and their outcomes",
    ),
}


def struct_name(message: str) -> str:
    """Return the name of a message's struct, without type arguments.

    >>> struct_name("transaction")
    'Transaction'
    """
    struct = PUBLIC[message]
    return str((typing.get_origin(struct) or struct).__name__)
