"""Rejected messages that are sent again while a worker runs: decided exactly once, and never in a loop."""

from collections.abc import Callable
from pathlib import Path

from stream.control.role_writer import publish_roles
from stream.settings import Settings
from tests.support.bundles import NUMERIC, put_bundle
from tests.support.command import run
from tests.support.decision_monitor import DecisionMonitor
from tests.support.reconciliation import reconcile
from tests.support.topics import produce_all
from tests.support.traffic import send, transaction
from tests.support.worker_process import WorkerProcess

StartWorker = Callable[[Settings], WorkerProcess]


def replay(settings: Settings, *arguments: str) -> str:
    """Send rejected messages again, without a question, and return what the command printed."""
    done = run("dead-letters", "replay", "--yes", *arguments, settings=settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


def publish(settings: Settings, version: str, numeric: tuple[str, ...]) -> None:
    """Make a model with these features the champion."""
    bundle = put_bundle(Path(settings.bundle.store), version, numeric=numeric)
    publish_roles(settings.kafka, settings.topic, champion=bundle, author="test")


def test_what_a_new_champion_accepts_is_decided_exactly_once(settings: Settings, start_worker: StartWorker) -> None:
    """Transactions that lacked a feature of the old champion are decided, once, after they were sent again.

    The reconciliation finds one decision or dead letter at each position, so none was lost or repeated.
    """
    publish(settings, "1", (*NUMERIC, "V4"))
    send(settings, 50)
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        monitor.wait(50)
        publish(settings, "2", NUMERIC)
        send(settings, 1, first=1_000)  # decided by the new champion, as is everything after it in its partition
        monitor.wait(51)
        assert "20 messages sent again" in replay(settings, "--limit", "20")
        assert "30 messages sent again" in replay(settings)
        assert "no messages to send again" in replay(settings)
        monitor.wait(101)
        assert worker.stop() == 0
    result = reconcile(settings)
    assert sorted(int(each.transaction_id) for each in result.decisions.values()) == [*range(50), 1_000]
    assert len(result.dead_letters) == 50
    for position, decision in result.decisions.items():
        message = result.sent[position]
        number = int(decision.transaction_id)
        assert (message.key(), message.value()) == (f"card-{number % 500}".encode(), transaction(number))


def test_what_stays_wrong_is_not_sent_in_a_loop(ready: Callable[..., Settings], start_worker: StartWorker) -> None:
    """A message that is rejected again is counted, and sent again only as often as --max-replays allows."""
    settings = ready()
    produce_all(settings.kafka.bootstrap, settings.topic.transactions, [(b"card", b"{")])
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        for sent, arguments in ((1, ()), (2, ("--max-replays", "2"))):
            monitor.wait(sent)
            assert "1 message sent again" in replay(settings, *arguments)
            monitor.wait(sent + 1)
            printed = replay(settings, *arguments)
            assert "no messages to send again" in printed
            assert "skipped 1: rejected again after as many replays as --max-replays allows" in printed
            assert f"skipped {sent}: already sent again" in printed
        assert worker.stop() == 0
    result = reconcile(settings)
    assert sorted(each.replays for each in result.dead_letters.values()) == [0, 1, 2]
    assert {each.value for each in result.dead_letters.values()} == {b"{"}
