"""Rehearse releases under traffic: five bad ones, each of which must be caught and rolled back, and a good one.

`python -m deploy.rehearsal` prints the release tool's log, and writes a report page and its data.
"""

import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import click
import msgspec

from deploy.demo.prepare import prepare
from deploy.rehearsal.bad_releases import FAULTS, Fault, bad_release, good_release
from deploy.rehearsal.counts import DecisionCounts
from deploy.rehearsal.environment import Environment, running_environment
from deploy.rehearsal.report import Rehearsal, Rehearsed, markdown
from deploy.rehearsal.traffic import HttpTraffic, StreamTraffic
from deploy.release.errors import ReleaseError
from deploy.release.journal import Journal
from deploy.release.limits import Limits, read_limits
from deploy.release.processes import ProcessTarget, Release
from deploy.release.rollout import Rollout
from deploy.release.tracks import Program, Track
from schemas.errors import FraudError
from stream.local.broker import LocalBroker
from training.machine import describe_machine

#: Directory of the report and the logs.
OUT = Path("var/release-rehearsal")
#: Transactions for the smoke tests of a release.
SMOKE_TESTS = 20
#: Seconds of traffic before the first release: there is something to replay then, and the JVM has compiled its code.
BEFORE_S = 60.0
#: Seconds to wait for the last decisions.
LAST_S = 30.0
#: Seconds in which a decision would arrive that repeats one of the last.
REPEATED_S = 5.0


def rehearsal_limits() -> Limits:
    """Return the default limits with shorter times: a rehearsal is over in minutes."""
    return msgspec.structs.replace(
        read_limits(),
        replay_minutes=0.2,
        watch_minutes=0.6,
        alone_minutes=0.3,
        interval_s=1,
        warm_up_s=10,
        patience_s=5,
        edge_memory_growth_mib=64,
    )


class _Rehearsals:
    """The releases of a rehearsal, one after the other, in one environment."""

    def __init__(self, environment: Environment, messages: list[bytes], scratch: Path, logs: Path) -> None:
        self._environment = environment
        self._messages = messages
        self._scratch = scratch
        self._bodies = scratch / "bodies"
        self._bodies.write_bytes(b"".join(_with_placeholder(message) + b"\n" for message in messages))
        self._releases = {track: good_release() for track in Track}
        self.target = ProcessTarget(environment.instances, self._releases, environment.admin, logs)
        self._number = 0

    def start(self) -> None:
        """Start the serving track, as it was before the first release."""
        for program in Program:
            self.target.start(Track.BLUE, program)
        self.target.route(Track.BLUE)

    def rehearse(self, name: str, release: Release, fault: Fault | None) -> Rehearsed:
        """Rehearse one release to green."""
        self._number += 1
        self._releases[Track.GREEN] = release
        log: list[str] = []

        def write(line: str) -> None:
            log.append(line)
            click.echo(line)

        click.echo(f"\n== {name}")
        journal = Journal(write)
        traffic = HttpTraffic(self._environment.url, self._bodies, f"http-{self._number}-")
        rejected = False
        try:
            Rollout(
                self.target,
                Track.GREEN,
                rehearsal_limits(),
                transactions=self._messages[:SMOKE_TESTS],
                headers={},
                journal=journal,
            ).deploy()
        except ReleaseError:
            rejected = True
        http = traffic.stop()
        failed = [entry for entry in journal.entries if not entry.ok]
        undone = [entry.seconds for entry in journal.entries if entry.step.startswith("roll back")]
        expected = len(failed) == 1 and fault.explains(failed[0].step, failed[0].detail) if fault else not failed
        click.echo(f"HTTP: {http.responses} responses, {http.failed} failed")
        return Rehearsed(
            name,
            fault.caught_by if fault else None,
            as_expected=expected and rejected is (fault is not None),
            rollback_s=sum(undone) if rejected else None,
            http=http,
            entries=journal.entries,
            log=log,
        )


def _with_placeholder(message: bytes) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(message) | {"transaction_id": "@ID@"})


def rehearse(scratch: Path, logs: Path) -> Rehearsal:
    """Rehearse all releases and return what came of them.

    Args:
        scratch: Directory for what the rehearsal does not keep.
        logs: Directory that receives the programs' logs.

    Raises:
        FraudError: If a program that the rehearsal needs is missing or does not start.
    """
    began_s = time.monotonic()
    machine = describe_machine(("confluent-kafka", "onnxruntime"))
    prepared = prepare()
    messages = [value for _, value in prepared.messages[:20_000]]
    with ExitStack() as opened:
        broker = opened.enter_context(LocalBroker(scratch / "kafka"))
        environment = opened.enter_context(running_environment(prepared.roles, broker, scratch, logs))
        rehearsals = _Rehearsals(environment, messages, scratch, logs)
        opened.callback(rehearsals.target.close)
        rehearsals.start()
        counts = opened.enter_context(DecisionCounts(environment.settings))
        sending_s = time.monotonic()
        stream = opened.enter_context(StreamTraffic(environment.settings, messages))
        time.sleep(BEFORE_S)
        releases = [
            rehearsals.rehearse(fault.name, bad_release(fault, scratch / f"release-{number}"), fault)
            for number, fault in enumerate(FAULTS)
        ]
        releases.append(rehearsals.rehearse("a good release", good_release(), None))
        stream.stop()
        sending_s = time.monotonic() - sending_s
        sent = set(stream.sent)
        deadline_s = time.monotonic() + LAST_S
        while sent - counts.by_transaction.keys() and time.monotonic() < deadline_s:
            time.sleep(0.5)
        time.sleep(REPEATED_S)
    decided = counts.by_transaction
    http = {name: count for name, count in decided.items() if name.startswith("http-")}
    return Rehearsal(
        machine,
        time.monotonic() - began_s,
        releases,
        sent=len(sent),
        sent_per_s=len(sent) / sending_s,
        lost=len(sent - decided.keys()),
        repeated=sum(decided[name] > 1 for name in sent),
        http_decided=len(http),
        http_repeated=sum(count > 1 for count in http.values()),
        dead_letters=counts.dead_letters,
    )


@click.command()
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), help="Also write the report page here.")
def main(*, page: Path | None) -> None:
    """Rehearse releases, print the log, and write report and logs to var/release-rehearsal."""
    shutil.rmtree(OUT, ignore_errors=True)
    logs = OUT / "logs"
    logs.mkdir(parents=True)
    try:
        with tempfile.TemporaryDirectory(prefix="fraud-rehearsal-", ignore_cleanup_errors=True) as directory:
            result = rehearse(Path(directory), logs)
    except FraudError as error:
        sys.exit(f"release rehearsal: {error}")
    (OUT / "rehearsal.json").write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    report = markdown(result)
    for file in (OUT / "rehearsal.md", page):
        if file is not None:
            file.write_text(report, encoding="utf-8")
    click.echo("\n" + report.partition("\n## ")[0])
    if problems := result.problems():
        sys.exit(f"release rehearsal: {'; '.join(problems)}")


if __name__ == "__main__":
    main()
