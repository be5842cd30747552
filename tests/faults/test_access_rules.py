"""Each program works with exactly the rights that docs/topics.md grants it, on a broker with ACLs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # not in its type stubs
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from deploy.reference.access import PROGRAMS
from schemas.errors import DeadLetterReason
from stream.local.broker import LocalBroker
from stream.settings import Settings, TopicSettings
from tests.support.archive_process import ArchiveProcess
from tests.support.command import run
from tests.support.dead_letters import dead_letter, send_dead_letters
from tests.support.decision_monitor import DecisionMonitor
from tests.support.exits import assert_exits
from tests.support.http_process import HttpProcess
from tests.support.ledger_process import LedgerProcess
from tests.support.topics import read_all
from tests.support.traffic import send, transaction
from tests.support.until import until
from tests.support.worker_process import WorkerProcess

pytestmark = pytest.mark.slow

PASSWORD = "right-4f9a"  # noqa: S105 - of a broker that ends with the test
#: Number of transactions that are sent, and that are requested over HTTP.
SENT, REQUESTED = 200, 5

Login = Callable[..., Settings]


@pytest.fixture(scope="module")
def secured() -> Iterator[LocalBroker]:
    """A broker with a user for each program, who may do only what ACLs allow."""
    with LocalBroker(users=dict.fromkeys(PROGRAMS, PASSWORD), with_acls=True, brief=True) as broker:
        yield broker


@pytest.fixture
def admin_settings(secured: LocalBroker, ready: Callable[..., Settings], tmp_path: Path) -> Settings:
    """Settings of an administrator, whose champion and challenger are published."""
    return ready(
        kafka_bootstrap=secured.direct,
        ledger_url=f"sqlite:///{tmp_path}/ledger.db",
        archive_url=f"file://{tmp_path}/archive",
        archive_file_s=1.0,
    )


@pytest.fixture
def login(secured: LocalBroker, make_settings: Callable[..., Settings], admin_settings: Settings) -> Login:
    """Return a function that returns the settings of a program's user, who has the program's rights."""

    def make(program: str, but: str = "") -> Settings:
        security: dict[str, Any] = {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_sasl_mechanism": "PLAIN"}
        settings = make_settings(
            kafka_bootstrap=secured.bootstrap,
            kafka_sasl_username=program,
            kafka_sasl_password=PASSWORD,
            ledger_url=admin_settings.ledger.url,
            ledger_web_port=make_settings(kafka_bootstrap="").web.port,
            archive_url=admin_settings.archive.url,
            archive_file_s=1.0,
            **security,
        )
        grant(secured, program, settings, but=but)
        return settings

    return make


def grant(broker: LocalBroker, program: str, settings: Settings, *, but: str = "") -> None:
    """Give a program's user the rights in the table of docs/topics.md.

    Args:
        broker: Broker with ACLs.
        program: Name of the program and of its user.
        settings: Settings of the program.
        but: Topic, by its name in `TopicSettings`, to which the user may not write although the table says so.
    """
    access, names = PROGRAMS[program], settings.topic.names
    described = names.values() if access.checks_all_topics else ()
    rights = [(ResourceType.TOPIC, name, AclOperation.DESCRIBE) for name in described]
    rights += [(ResourceType.TOPIC, names[topic], AclOperation.READ) for topic in access.reads]
    rights += [(ResourceType.TOPIC, names[topic], AclOperation.WRITE) for topic in access.writes if topic != but]
    for group in access.groups:
        rights += [(ResourceType.GROUP, name, AclOperation.READ) for name in _filled(group, access.reads, settings)]
    for transactional_id in access.transactional_ids:
        filled = _filled(transactional_id, access.reads, settings)
        rights += [(ResourceType.TRANSACTIONAL_ID, name, AclOperation.WRITE) for name in filled]
    acls = [
        AclBinding(kind, name, ResourcePatternType.LITERAL, f"User:{program}", "*", operation, AclPermissionType.ALLOW)
        for kind, name, operation in rights
    ]
    admin = AdminClient({"bootstrap.servers": broker.direct})
    for future in admin.create_acls(acls).values():
        future.result()


def _filled(pattern: str, reads: tuple[str, ...], settings: Settings) -> list[str]:
    """Return the names that a pattern of the table stands for."""
    values = {
        "<FRAUD_KAFKA_GROUP>": [settings.kafka.group],
        "<FRAUD_KAFKA_SLOT>": [settings.kafka.slot],
        "<FRAUD_LEDGER_GROUP>": [settings.ledger.group],
        "<FRAUD_ARCHIVE_GROUP>": [settings.archive.group],
        "<topic>": [settings.topic.names[topic] for topic in reads],
        "<n>": [str(number) for number in range(settings.worker.producers)],
    }
    defaults = TopicSettings().names
    values |= {f"<{defaults[topic]}>": [name] for topic, name in settings.topic.names.items()}
    filled = [pattern]
    for placeholder, replacements in values.items():
        filled = list(dict.fromkeys(each.replace(placeholder, value) for each in filled for value in replacements))
    return filled


def denials(broker: LocalBroker) -> list[str]:
    """Return the lines in the broker's log about operations that ACLs denied."""
    return [line for line in broker._path("server.log").read_text().splitlines() if " is Denied " in line]


def test_every_program_works_with_the_rights_in_the_table(
    secured: LocalBroker, admin_settings: Settings, login: Login, tmp_path: Path
) -> None:
    """Programs and commands do their work, and Kafka denies none of their operations."""
    before = len(denials(secured))
    file = tmp_path / "transactions.jsonl"
    file.write_bytes(b"".join(transaction(number) + b"\n" for number in range(SENT)))
    with ExitStack() as running, DecisionMonitor(admin_settings) as monitor:
        worker = running.enter_context(WorkerProcess(login("worker"), tmp_path))
        http = running.enter_context(HttpProcess(login("http"), tmp_path))
        ledger = running.enter_context(LedgerProcess(login("ledger"), tmp_path))
        archive = running.enter_context(ArchiveProcess(login("archive"), tmp_path))
        for process in (worker, http, ledger, archive):
            process.wait_ready(60)
        assert run("produce", str(file), settings=login("produce")).returncode == 0
        for number in range(REQUESTED):
            assert http.predict(transaction(SENT + number)).is_success
        monitor.wait(SENT + REQUESTED)
        ledger.wait_rows(decisions=SENT + REQUESTED)
        archive.wait_rows("decisions", SENT + REQUESTED)
        until(lambda: bool(read_all(admin_settings.kafka.bootstrap, admin_settings.topic.worker_status)))
        _run_commands(admin_settings, login, tmp_path)
        assert [process.stop() for process in (http, worker, ledger, archive)] == [0, 0, 0, 0]
    assert denials(secured)[before:] == []


def _run_commands(admin_settings: Settings, login: Login, tmp_path: Path) -> None:
    """Run the commands that read or write topics, each as a user of its own."""
    topics = admin_settings.topic
    rejected = dead_letter(0, transaction(9_999), source_topic=topics.transactions, reason=DeadLetterReason.NOT_JSON)
    send_dead_letters(admin_settings, rejected)
    decision = tmp_path / "decision.json"
    decision.write_bytes(read_all(admin_settings.kafka.bootstrap, topics.decisions)[0].value() or b"")
    commands: dict[str, list[tuple[str, ...]]] = {
        "models": [("models",), ("models", "set", "--explore", "off", "--salt", "another", "--reason", "as before")],
        "dead-letters": [("dead-letters", "list"), ("dead-letters", "replay", "--yes")],
        "replay": [("replay",)],
        "verify": [("verify", str(decision))],
    }
    for program, lines in commands.items():
        settings = login(program)
        for line in lines:
            done = run(*line, settings=settings)
            assert done.returncode == 0, f"{line}: {done.stderr}"
    assert "no report on" in run("drift", "--json", settings=login("drift")).stderr


def test_a_reader_without_rights_says_so(login: Login) -> None:
    """A command without Read on its topic fails with one line that names the topic, not with a time-out."""
    settings = login("drift")
    done = run("models", settings=settings)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"fraud-stream: not allowed to read {settings.topic.model_updates}; docs/topics.md lists the rights to grant"
    )


def test_a_worker_that_may_not_write_says_so(
    secured: LocalBroker, admin_settings: Settings, login: Login, tmp_path: Path
) -> None:
    """A worker without Write on a topic logs the topic and exits with a one-line error; it decides nothing."""
    settings = login("worker", but="alerts")
    send(admin_settings, SENT)
    with WorkerProcess(settings, tmp_path) as worker:
        error = assert_exits(worker, 60)
        output = worker.last_lines()
    assert "Topic authorization failed" in error
    assert f'Failed to add partition \\"{settings.topic.alerts}\\"' in output
    assert read_all(admin_settings.kafka.bootstrap, settings.topic.decisions) == []
    assert settings.topic.alerts in denials(secured)[-1]
