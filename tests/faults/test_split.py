"""A challenger that decides a share of the cards on a real Kafka decides the same cards on every worker."""

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from schemas.messages import Challenger, Exploration, ModelUpdate, Policy
from stream.control.role_changes import add_challenger, combine_changes, set_exploration, set_policy
from stream.control.role_reader import current_roles
from stream.control.role_writer import change_roles
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.bundles import put_bundle
from tests.support.decision_monitor import DecisionMonitor
from tests.support.reconciliation import reconcile
from tests.support.traffic import TransactionFeeder
from tests.support.worker_process import WorkerProcess

#: Seconds within which every worker applies a role change.
FOLLOW_S = 5.0


def change(settings: Settings, *changes: Callable[[ModelUpdate], ModelUpdate]) -> ModelUpdate:
    """Write a role change, and wait until some traffic has been decided under the new roles."""
    update = change_roles(settings.kafka, settings.topic, combine_changes(changes), author="test")
    time.sleep(FOLLOW_S / 2)
    return update


def test_two_workers_split_cards_identically(
    ready: Callable[..., Settings], start_worker: Callable[[Settings], WorkerProcess]
) -> None:
    """A card keeps its arm after a rebalance and a policy change, and each model scores each transaction once."""
    settings = ready()
    challenger = put_bundle(Path(settings.bundle.store), "3", bias=-2.0)
    split, shadow = Challenger(challenger, "split", 0.3), Challenger(challenger)
    with DecisionMonitor(settings) as monitor, TransactionFeeder(settings, rate=500) as feeder:
        start_worker(settings).wait_ready()
        change(settings, add_challenger(split))
        second = start_worker(settings.replace(kafka_slot=f"{settings.kafka.slot}-b", web_port=free_port()))
        second.wait_ready()
        change(settings, set_policy(Policy("all", 0.0, 0.0)), set_exploration(Exploration(0.5, 10**6)))
        second.stop()
        change(settings, add_challenger(shadow))
        feeder.stop()
        monitor.wait(feeder.sent)
    decisions = reconcile(settings).decisions.values()
    epochs = defaultdict(set)
    arms = defaultdict(set)
    for decision in decisions:
        epochs[decision.role_epoch].add(decision.arm)
        if decision.role_epoch in {2, 3}:
            arms[decision.card_id].add(decision.bundle_sha256)
    assert len(decisions) == feeder.sent
    assert epochs[1] <= {"champion"}
    assert epochs[2] == {"champion", "challenger"}
    assert epochs[3] == {"champion", "challenger", "exploration"}
    assert "challenger" not in epochs[4]
    assert all(len(bundles) == 1 for bundles in arms.values())
    share = sum(bundles == {challenger.sha256} for bundles in arms.values()) / len(arms)
    assert 0.2 < share < 0.4
    assert (roles := current_roles(settings.kafka, settings.topic)) is not None
    assert roles.epoch == 4
