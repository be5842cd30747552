"""The drills: what is lost, how it is recovered, and how long that takes."""

import shutil
import time

from msgspec import Struct

from benchmarks.disaster.site import RATE, Site, wait_until
from benchmarks.pipeline.inputs import BenchmarkInputs
from schemas.errors import FraudError
from stream.kafka.topics import create_topics

#: Transactions decided after the backup of the ledger, and so to be read again after the restore.
BACKLOG = 100_000
#: Seconds of steady traffic before a loss, and in all; recovery must fit into the rest.
BEFORE_S, TRAFFIC_S = 5.0, 30.0
BACKUP = "backup"


class LostLedger(Struct, frozen=True):
    """The ledger's process and its database are gone; `BACKLOG` transactions are newer than the backup."""

    backup_s: float
    backup_mib: float
    #: Seconds from the loss until the restored database is in its place, and until the ledger has caught up.
    restored_s: float
    recovered_s: float
    #: Rows per second, decisions and shadow scores, that the ledger wrote from its start until it had caught up.
    rows_per_s: int
    #: Longest wait for a decision meanwhile: what the loss means for the stream.
    longest_wait_s: float


class LostWorker(Struct, frozen=True):
    """The machine of a worker is gone, without a word to Kafka."""

    #: Longest wait for a decision if another worker runs, and if the only worker starts at once on another machine.
    another_runs_s: float
    only_one_s: float


class LostBundles(Struct, frozen=True):
    """The bundle store is gone."""

    #: Longest wait for a decision of the worker that had loaded its models before.
    longest_wait_s: float
    #: Seconds from the restore's start until its end, and until a worker that waits for the store is ready.
    restored_s: float
    recovered_s: float


class LostBroker(Struct, frozen=True):
    """The only broker is killed; then its data is gone: all topics, and the offsets of all groups."""

    #: Longest wait for a decision if the broker is killed and started again at once with its data.
    killed_wait_s: float
    #: Seconds from the loss of the data until an empty broker runs, the roles are restored, and a new transaction is
    #: decided.
    broker_s: float
    roles_s: float
    recovered_s: float
    #: Transactions that Kafka had acknowledged and that were not decided, and decided ones that are not in the ledger.
    undecided: int
    not_in_ledger: int


def lose_ledger(inputs: BenchmarkInputs) -> LostLedger:
    """Restore the ledger's database, and let the ledger read the rest from Kafka. Nothing may be lost or repeated."""
    with Site(inputs) as site:
        backup = site.directory / BACKUP
        site.start("worker")
        ledger = site.start("ledger")
        site.send_and_decide(BACKLOG // 10)
        wait_until(lambda: site.ledger_decisions() == (site.sent, 0), "the ledger has all decisions")
        backup_s = site.run("backup", "create", str(backup), "--part", "ledger")
        backup_mib = (backup / "ledger/database.sqlite").stat().st_size / 2**20
        site.send_and_decide(BACKLOG)
        with site.traffic(TRAFFIC_S) as finish:
            time.sleep(BEFORE_S)
            lost_ns = time.monotonic_ns()
            ledger.kill()
            for file in site.directory.glob("ledger.db*"):
                file.unlink()
            site.run("backup", "restore", str(backup), "--part", "ledger")
            restored_s, before = _seconds_since(lost_ns), site.ledger_decisions()[0]
            ledger.start()
            # The traffic goes on: one second of it may be on the way.
            wait_until(lambda: site.ledger_decisions()[0] > site.sent - RATE, "the ledger has caught up")
            recovered_s, after = _seconds_since(lost_ns), site.ledger_decisions()[0]
            traffic = finish()
        wait_until(lambda: site.ledger_decisions() == (site.sent, 0), "every decision is in the ledger exactly once")
    return LostLedger(
        backup_s=round(backup_s, 2),
        backup_mib=round(backup_mib, 1),
        restored_s=round(restored_s, 2),
        recovered_s=round(recovered_s, 2),
        rows_per_s=round(2 * (after - before) / (recovered_s - restored_s)),
        longest_wait_s=round(traffic.longest_wait_s(lost_ns), 2),
    )


def lose_worker(inputs: BenchmarkInputs) -> LostWorker:
    """Kill one of two workers; then kill the one that is left, and start one in another slot at once."""
    with Site(inputs) as site:
        first, second = site.start("worker"), site.start("worker", "b")
        with site.traffic(TRAFFIC_S) as finish:
            time.sleep(BEFORE_S)
            lost_ns = time.monotonic_ns()
            second.kill()
            another_runs_s = finish().longest_wait_s(lost_ns)
        with site.traffic(TRAFFIC_S) as finish:
            time.sleep(BEFORE_S)
            lost_ns = time.monotonic_ns()
            first.kill()
            # Another machine has another slot: it does not end the transactions that the lost one has left open.
            site.start("worker", "c")
            only_one_s = finish().longest_wait_s(lost_ns)
    return LostWorker(another_runs_s=round(another_runs_s, 2), only_one_s=round(only_one_s, 2))


def lose_bundles(inputs: BenchmarkInputs) -> LostBundles:
    """Remove the bundle store under a running worker, start a second one, and restore the store."""
    with Site(inputs) as site:
        backup = site.directory / BACKUP
        site.run("backup", "create", str(backup), "--part", "bundles")
        site.start("worker")
        with site.traffic(TRAFFIC_S) as finish:
            time.sleep(BEFORE_S)
            lost_ns = time.monotonic_ns()
            shutil.rmtree(site.bundles)
            waiting = site.start("worker", "b", wait=False)
            time.sleep(BEFORE_S)
            if waiting.is_ready():
                raise FraudError("the second worker needs no bundle store, so the drill shows nothing; see its code")
            began_ns = time.monotonic_ns()
            site.run("backup", "restore", str(backup), "--part", "bundles")
            restored_s = _seconds_since(began_ns)
            waiting.wait_ready()
            recovered_s = _seconds_since(began_ns)
            longest_wait_s = finish().longest_wait_s(lost_ns)
    return LostBundles(
        longest_wait_s=round(longest_wait_s, 2), restored_s=round(restored_s, 2), recovered_s=round(recovered_s, 2)
    )


def lose_broker(inputs: BenchmarkInputs) -> LostBroker:
    """Kill the broker in the middle of traffic, with and without the loss of its data; begin again with saved roles."""
    with Site(inputs) as site:
        backup = site.directory / BACKUP
        programs = [site.start("worker"), site.start("ledger")]
        site.run("backup", "create", str(backup), "--part", "roles")
        with site.traffic(TRAFFIC_S) as finish:
            time.sleep(BEFORE_S)
            killed_ns = time.monotonic_ns()
            site.broker.kill()
            site.broker.start()
            killed_wait_s = finish().longest_wait_s(killed_ns)
        before = site.sent
        loss = site.lose_broker(2 * BEFORE_S)
        for program in programs:
            program.kill()
        site.broker.start()
        broker_s = _seconds_since(loss.lost_ns)
        create_topics(site.settings.kafka, site.settings.topic)
        site.run("backup", "restore", str(backup), "--part", "roles")
        roles_s = _seconds_since(loss.lost_ns)
        in_ledger, _ = site.ledger_decisions()
        site.forget_offsets()
        for program in programs:
            program.start()
        site.send_and_decide(1)
        recovered_s = _seconds_since(loss.lost_ns)
        wait_until(lambda: site.ledger_decisions()[0] == in_ledger + 1, "the ledger goes on")
    return LostBroker(
        killed_wait_s=round(killed_wait_s, 2),
        broker_s=round(broker_s, 2),
        roles_s=round(roles_s, 2),
        recovered_s=round(recovered_s, 2),
        undecided=loss.acknowledged - loss.decided,
        not_in_ledger=loss.decided + before - in_ledger,
    )


def _seconds_since(moment_ns: int) -> float:
    return (time.monotonic_ns() - moment_ns) / 1e9
