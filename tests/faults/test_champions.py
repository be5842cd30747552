"""Workers cope with a champion that is missing, is replaced under load, is corrupt, or starts to fail."""

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from schemas.manifest import MANIFEST_NAME, MODEL_NAME, Manifest, Parity, decode_manifest, encode_manifest
from schemas.messages import BundleRef, ModelUpdate
from stream.app import WorkerProgram, make_sink
from stream.control.role_writer import publish_roles
from stream.models.bundle_store import BundleStore
from stream.models.role_loader import RoleLoader
from stream.runtime.readiness import Problem
from stream.scoring.model import Roles
from stream.settings import Settings
from tests.support.bundles import logistic_onnx, put_bundle
from tests.support.command import run
from tests.support.decision_monitor import RECOVERY_S, DecisionMonitor
from tests.support.failing_model import FailingModel
from tests.support.faulty_sink import HookedSink
from tests.support.in_process_worker import run_in_process
from tests.support.reconciliation import reconcile
from tests.support.traffic import TransactionFeeder, send
from tests.support.until import until
from tests.support.worker_process import WorkerProcess
from tests.support.worker_state import metrics, newest_status

StartWorker = Callable[[Settings], WorkerProcess]


def test_no_champion_yet(settings: Settings, start_worker: StartWorker) -> None:
    """Without a champion the worker waits, logs the reason and is not ready; the first champion decides the backlog."""
    send(settings, 1_000)
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        until(lambda: "no champion yet" in worker.last_lines())
        assert not worker.is_ready()
        assert monitor.settled == 0
        champion = put_bundle(Path(settings.bundle.store), "1")
        publish_roles(settings.kafka, settings.topic, champion=champion, author="test")
        monitor.wait(1_000)
        worker.wait_ready(RECOVERY_S)
        assert worker.stop() == 0
    assert (status := newest_status(settings)) is not None
    assert status.state == "stopped"
    assert len(reconcile(settings).decisions) == 1_000


def test_a_new_champion_under_load(ready: Callable[..., Settings], start_worker: StartWorker) -> None:
    """A new champion takes over between two batches: nothing is lost, and each partition switches once.

    The pipeline benchmark measures how long transactions wait during the switch.
    """
    settings = ready()
    with DecisionMonitor(settings) as monitor, TransactionFeeder(settings, rate=1_000) as feeder:
        start_worker(settings).wait_ready()
        monitor.wait(500)
        new = put_bundle(Path(settings.bundle.store), "3", bias=-2.0)
        publish_roles(settings.kafka, settings.topic, champion=new, author="test")
        until(lambda: metrics(settings)["role_epoch"] == 2)
        monitor.wait(monitor.settled + 1_000)
        feeder.stop()
        monitor.wait(feeder.sent)
    decisions = reconcile(settings).decisions
    assert len(decisions) == feeder.sent
    decided_by = {position: (decision.role_epoch, decision.model_version) for position, decision in decisions.items()}
    assert set(decided_by.values()) == {(1, "1"), (2, "3")}
    for partition in range(settings.topic.partitions):
        in_order = [decided_by[position] for position in sorted(decided_by) if position[0] == partition]
        assert in_order == sorted(in_order)


def replace_manifest(bundle: Path, change: Callable[[Manifest], Manifest]) -> str:
    """Change a bundle's manifest in the store and return its new hash."""
    raw = encode_manifest(change(decode_manifest((bundle / MANIFEST_NAME).read_bytes())))
    (bundle / MANIFEST_NAME).write_bytes(raw)
    return hashlib.sha256(raw).hexdigest()


def replace_model(bundle: Path, model: bytes) -> str:
    """Change a bundle's model and its hash in the manifest, and return the manifest's new hash."""
    (bundle / MODEL_NAME).write_bytes(model)
    sha256 = hashlib.sha256(model).hexdigest()
    return replace_manifest(bundle, lambda m: msgspec.structs.replace(m, files={MODEL_NAME: sha256}))


def _parity_off(manifest: Manifest) -> Manifest:
    scores = tuple(score + 0.01 for score in manifest.parity.scores)
    return msgspec.structs.replace(manifest, parity=Parity(manifest.parity.rows, scores))


def _unknown_format(bundle: Path) -> str:
    raw = (bundle / MANIFEST_NAME).read_bytes().replace(b'"format_version": 1', b'"format_version": 99')
    (bundle / MANIFEST_NAME).write_bytes(raw)
    return hashlib.sha256(raw).hexdigest()


def _changed_bytes(bundle: Path) -> None:
    (bundle / MODEL_NAME).write_bytes(logistic_onnx(np.ones(4, dtype=np.float32), 0.0))


def _remove(bundle: Path) -> None:
    shutil.rmtree(bundle)


def _same_feature_twice(manifest: Manifest) -> Manifest:
    return msgspec.structs.replace(manifest, features=(manifest.features[0], *manifest.features[:-1]))


#: By kind of corruption: a function that corrupts a bundle and returns the new hash of its manifest, if that changes;
#: and part of the error text.
CORRUPTIONS: dict[str, tuple[Callable[[Path], str | None], str]] = {
    "other bytes": (_changed_bytes, "does not have the SHA-256"),
    "garbage": (lambda b: replace_model(b, b"garbage"), "is not an ONNX model"),
    "wrong shape": (
        lambda b: replace_model(b, logistic_onnx(np.ones(7, dtype=np.float32), 0.0)),
        "must take one float32 input (n, 4)",
    ),
    "unknown format": (_unknown_format, "cannot be read"),
    "one feature twice": (lambda b: replace_manifest(b, _same_feature_twice), "lists a feature twice"),
    "parity off": (lambda b: replace_manifest(b, _parity_off), "differs by"),
    "not in the store": (_remove, "cannot be read from"),
}


@pytest.mark.parametrize(
    "kinds", [("other bytes", "parity off"), pytest.param(tuple(CORRUPTIONS), marks=pytest.mark.slow, id="every kind")]
)
def test_corrupt_bundles_under_load(
    kinds: tuple[str, ...], ready: Callable[..., Settings], start_worker: StartWorker
) -> None:
    """Each kind of corrupt bundle is rejected, with the reason in the log, the metric and worker-status.

    The current champion continues to decide, and a valid bundle published afterwards takes over.
    """
    settings = ready(worker_status_interval_s=0.5)
    store = Path(settings.bundle.store)
    with DecisionMonitor(settings) as monitor, TransactionFeeder(settings, rate=500) as feeder:
        worker = start_worker(settings)
        worker.wait_ready()
        for number, (corrupt, reason) in enumerate((CORRUPTIONS[kind] for kind in kinds), start=1):
            version = f"bad-{number}"
            ref = put_bundle(store, version)
            sha256 = corrupt(store / "fraud" / version) or ref.sha256
            publish_roles(
                settings.kafka, settings.topic, champion=BundleRef("fraud", version, ref.path, sha256), author="test"
            )
            until(lambda: metrics(settings)['model_swaps_total{result="refused"}'] == number)  # noqa: B023 - called at once
            assert f"roles of epoch {number + 1} refused" in worker.last_lines()
            assert reason in worker.last_lines().splitlines()[-1]
            until(lambda: (status := newest_status(settings)) is not None and reason in (status.refused or ""))  # noqa: B023 - as above
            assert worker.is_ready()
        monitor.assert_resumes(time.monotonic())
        publish_roles(settings.kafka, settings.topic, champion=put_bundle(store, "good"), author="test")
        until(lambda: metrics(settings)['model_swaps_total{result="applied"}'] == 2)
        until(lambda: (status := newest_status(settings)) is not None and status.champion == "good")
        feeder.stop()
        monitor.wait(feeder.sent)
        assert worker.stop() == 0
    result = reconcile(settings)
    assert len(result.decisions) == feeder.sent
    assert {decision.model_version for decision in result.decisions.values()} <= {"1", "good"}


class FailingLoader(RoleLoader):
    """Loads bundles, and wraps each champion so that a test can make the champion fail.

    Attributes:
        failing: Versions that fail for every row from now on, including the parity rows.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(BundleStore(settings.bundle.store))
        self.failing: set[str] = set()

    def load(self, update: ModelUpdate) -> Roles:
        """Load the models and their roles, and wrap the champion."""
        roles = super().load(update)
        champion = FailingModel(roles.champion.model, self.failing)
        return replace(roles, champion=replace(roles.champion, model=champion))


def test_a_failing_champion_is_replaced_by_the_previous_one(ready: Callable[..., Settings]) -> None:
    """A champion that starts to fail for every row is replaced by the previous champion, without dead letters.

    A replay finds the model behind each decision by its bundle hash.
    """
    settings = ready()
    publish_roles(
        settings.kafka, settings.topic, champion=put_bundle(Path(settings.bundle.store), "3", bias=-2.0), author="test"
    )
    loader = FailingLoader(settings)

    def steps(program: WorkerProgram) -> None:
        monitor.wait(1_000)
        loader.failing.add("3")
        failed = time.monotonic()
        monitor.assert_resumes(failed + 0.5)
        assert program.roles.scorer is not None
        assert program.roles.scorer.roles.champion.model.manifest.version == "1"
        until(lambda: not program.health.problems())  # a busy broker is one for a moment
        feeder.stop()
        monitor.wait(feeder.sent)

    with DecisionMonitor(settings) as monitor, TransactionFeeder(settings) as feeder:
        run_in_process(lambda: WorkerProgram(settings, loader=loader), steps)
    result = reconcile(settings)
    assert not result.dead_letters
    assert {decision.model_version for decision in result.decisions.values()} == {"1", "3"}
    replayed = json.loads(run("replay", settings=settings).stdout)
    assert (replayed["same"], replayed["different"]) == (feeder.sent, 0)


def test_a_champion_that_fails_under_a_backlog(ready: Callable[..., Settings]) -> None:
    """A rewind waits for a commit in progress: otherwise the batch would be committed, read again and decided twice.

    Batch 3 is held between the check of its epoch and its Kafka transaction while the champion fails on batch 4.
    """
    settings = ready(kafka_batch_max=500)
    publish_roles(
        settings.kafka, settings.topic, champion=put_bundle(Path(settings.bundle.store), "3", bias=-2.0), author="test"
    )
    send(settings, 6_000)
    loader = FailingLoader(settings)
    held = threading.Event()

    def fail_meanwhile(number: int) -> None:
        if number == 3:
            loader.failing.add("3")
            held.wait(0.5)  # long enough to query the committed offsets, which would still be the start of batch 3

    def make() -> WorkerProgram:
        return WorkerProgram(
            settings, new_sink=lambda s, src, m: HookedSink(make_sink(s, src, m), fail_meanwhile), loader=loader
        )

    with DecisionMonitor(settings) as monitor:
        run_in_process(make, lambda _: monitor.wait(6_000))
    result = reconcile(settings)
    assert {decision.model_version for decision in result.decisions.values()} == {"1", "3"}


def test_a_failing_champion_without_a_previous_one(ready: Callable[..., Settings]) -> None:
    """Without a previous champion the worker is not ready and stops deciding; a new champion decides the backlog."""
    settings = ready()
    loader = FailingLoader(settings)

    def steps(program: WorkerProgram) -> None:
        monitor.wait(1_000)
        loader.failing.add("1")
        until(lambda: Problem.NO_CHAMPION in program.health.problems())
        time.sleep(1)
        settled = monitor.settled
        time.sleep(1)
        assert monitor.settled == settled
        publish_roles(
            settings.kafka, settings.topic, champion=put_bundle(Path(settings.bundle.store), "3"), author="test"
        )
        monitor.assert_resumes(time.monotonic())
        until(lambda: not program.health.problems())
        feeder.stop()
        monitor.wait(feeder.sent)

    with DecisionMonitor(settings) as monitor, TransactionFeeder(settings) as feeder:
        run_in_process(lambda: WorkerProgram(settings, loader=loader), steps)
    result = reconcile(settings)
    assert not result.dead_letters
    assert {decision.model_version for decision in result.decisions.values()} == {"1", "3"}
