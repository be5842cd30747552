"""What each program reads from Kafka and writes to it: the source of the tables of topics and of access rules.

Topics are named by their setting in `TopicSettings`. `tests/deploy/reference/test_access.py` compares the consumer
groups and transactional ids with the code.
"""

from dataclasses import dataclass

#: Groups of commands and monitors that read a topic without committing offsets.
WHOLE_TOPIC = "<FRAUD_KAFKA_GROUP>-whole-topic"
NEWEST = "<FRAUD_KAFKA_GROUP>-newest"
RECENT = "<FRAUD_KAFKA_GROUP>-recent"
SPAN = "<FRAUD_KAFKA_GROUP>-span"
TAIL = "<FRAUD_KAFKA_GROUP>-tail"

MODEL_UPDATES_WRITER = "<model-updates>-writer"
RETRAIN_REQUESTS_WRITER = "<retrain-requests>-writer"
DEAD_LETTER_REPLAYS_WRITER = "<dead-letter-replays>-writer"


@dataclass(frozen=True)
class Access:
    """The topics, consumer groups and transactional ids of a program.

    Attributes:
        reads: Topics that the program reads.
        writes: Topics that the program writes to.
        groups: Consumer groups in which it reads.
        transactional_ids: Ids with which it writes in Kafka transactions.
        checks_all_topics: Whether it exits at start if any topic of the project is missing.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    transactional_ids: tuple[str, ...] = ()
    checks_all_topics: bool = False


#: By the name of the program.
PROGRAMS: dict[str, Access] = {
    "worker": Access(
        # The elected rollback and drift monitors run in a worker.
        ("transactions", "model_updates", "role_counts", "drift_counts", "drift_reports", "retrain_requests"),
        (
            "decisions",
            "alerts",
            "shadow_scores",
            "dead_letters",
            "model_updates",
            "worker_status",
            "role_counts",
            "drift_counts",
            "drift_reports",
            "retrain_requests",
        ),
        ("<FRAUD_KAFKA_GROUP>", "<FRAUD_KAFKA_GROUP>-guard", "<FRAUD_KAFKA_GROUP>-drift", WHOLE_TOPIC),
        ("<FRAUD_KAFKA_GROUP>-<FRAUD_KAFKA_SLOT>-<n>", MODEL_UPDATES_WRITER, RETRAIN_REQUESTS_WRITER),
        checks_all_topics=True,
    ),
    "http": Access(
        # The console reads all but model_updates and decisions.
        ("model_updates", "decisions", "alerts", "labels", "dead_letters", "role_counts", "drift_reports"),
        ("transactions_http", "decisions", "alerts", "shadow_scores", "labels", "role_counts", "drift_counts"),
        (WHOLE_TOPIC, NEWEST, RECENT),
        checks_all_topics=True,
    ),
    "ledger": Access(
        # The gate's health check compares live shadow scores with scores computed from the transactions.
        ("decisions", "shadow_scores", "labels", "model_updates", "transactions", "transactions_http"),
        ("dead_letters",),
        ("<FRAUD_LEDGER_GROUP>-<topic>", SPAN),
        checks_all_topics=True,
    ),
    "archive": Access(
        ("transactions", "transactions_http", "decisions", "labels"),
        (),
        ("<FRAUD_ARCHIVE_GROUP>-<topic>",),
        checks_all_topics=True,
    ),
    "produce": Access((), ("transactions",), checks_all_topics=True),
    "models": Access(("model_updates", "worker_status"), ("model_updates",), (WHOLE_TOPIC,), (MODEL_UPDATES_WRITER,)),
    "policy": Access(("model_updates",), ("model_updates",), (WHOLE_TOPIC,), (MODEL_UPDATES_WRITER,)),
    "fraud-train": Access(
        ("model_updates", "retrain_requests"),
        ("model_updates", "retrain_requests"),
        (WHOLE_TOPIC,),
        (MODEL_UPDATES_WRITER, RETRAIN_REQUESTS_WRITER),
    ),
    "dead-letters": Access(
        ("dead_letters", "dead_letter_replays"),
        # decisions and shadow_scores only if --topic names them.
        ("dead_letter_replays", "transactions", "labels", "decisions", "shadow_scores"),
        (SPAN,),
        (DEAD_LETTER_REPLAYS_WRITER,),
    ),
    "replay": Access(("transactions", "transactions_http", "decisions", "model_updates"), (), (SPAN, WHOLE_TOPIC)),
    "verify": Access(("transactions", "transactions_http", "model_updates"), (), (SPAN, WHOLE_TOPIC)),
    "drift": Access(("drift_reports",), (), (WHOLE_TOPIC,)),
    # It writes only to restore the topic.
    "backup": Access(("model_updates",), ("model_updates",), (WHOLE_TOPIC,), (MODEL_UPDATES_WRITER,)),
}

#: What other systems and people read and write.
OUTSIDE: dict[str, Access] = {
    "payment system": Access(("decisions",), ("transactions",)),
    "analysts": Access(("alerts",), ("labels",)),
    "banks": Access((), ("labels",)),
}


def readers(topic: str) -> list[str]:
    """Return everyone who reads a topic: other systems, then programs."""
    return [name for name, access in (OUTSIDE | PROGRAMS).items() if topic in access.reads]


def writers(topic: str) -> list[str]:
    """Return everyone who writes to a topic: other systems, then programs."""
    return [name for name, access in (OUTSIDE | PROGRAMS).items() if topic in access.writes]
