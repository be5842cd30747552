"""Replay and verification on a real Kafka reproduce a worker's decisions under splits, policies and exploration."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from deploy.release.replay_log import read_replay
from schemas.messages import Challenger, Decision, Exploration, Policy
from stream.control.role_changes import add_challenger, combine_changes, set_exploration, set_policy
from stream.control.role_reader import current_roles
from stream.control.role_writer import change_roles
from stream.kafka.topic_range import TopicRange, read_range
from stream.replay.difference import TOLERANCE
from stream.replay.parity import parity_gap
from stream.replay.report import DecisionDifference
from stream.settings import Settings
from tests.faults.conftest import publish_champion
from tests.support.bundles import put_bundle
from tests.support.command import run
from tests.support.decision_monitor import DecisionMonitor
from tests.support.topics import produce_all, read_all
from tests.support.traffic import send
from tests.support.until import until
from tests.support.worker_process import WorkerProcess

#: Transactions sent under each assignment of roles.
COUNT = 600


def wait_epoch(worker: WorkerProcess, epoch: int) -> None:
    """Wait until a worker uses the assignment with the given epoch."""
    until(lambda: f"epoch {epoch}: champion" in worker.last_lines())


@pytest.fixture
def decided(settings: Settings, tmp_path: Path) -> Settings:
    """Settings whose topics contain transactions decided under three assignments, and some invalid messages."""
    publish_champion(settings)
    challenger = put_bundle(Path(settings.bundle.store), "3", bias=-2.0)
    with DecisionMonitor(settings) as monitor, WorkerProcess(settings, tmp_path) as worker:
        worker.wait_ready()
        send(settings, COUNT)
        produce_all(settings.kafka.bootstrap, settings.topic.transactions, [(b"k", b"rubbish")] * 3)
        monitor.wait(COUNT + 3)
        for number, changes in enumerate(
            (
                [add_challenger(Challenger(challenger, "split", 0.3))],
                [set_policy(Policy("all", 0.0, 0.0)), set_exploration(Exploration(0.5, 10**6))],
            ),
            start=1,
        ):
            epoch = change_roles(settings.kafka, settings.topic, combine_changes(changes), author="test").epoch
            wait_epoch(worker, epoch)
            send(settings, COUNT, first=number * COUNT)
            monitor.wait((number + 1) * COUNT + 3)
    return settings


def _position(difference: DecisionDifference) -> tuple[int, int]:
    return difference.source_partition, difference.source_offset


def test_history_is_reproduced(decided: Settings, tmp_path: Path) -> None:
    """A replay reproduces every decision, with arm, exploration, policy and reasons, and writes to no topic."""
    before = {name: len(read_all(decided.kafka.bootstrap, name)) for name in _topics(decided)}
    shown = run("replay", settings=decided)
    report = json.loads(shown.stdout)
    assert shown.returncode == 0
    assert (report["transactions"], report["same"]) == (3 * COUNT + 3, 3 * COUNT)
    assert (report["different"], report["refused"], report["without_decision"]) == (0, 0, 3)
    assert {name: len(read_all(decided.kafka.bootstrap, name)) for name in _topics(decided)} == before

    decisions = [m.value() or b"" for m in read_all(decided.kafka.bootstrap, decided.topic.decisions)]
    for arm in ("champion", "challenger", "exploration"):
        raw = next(each for each in decisions if json.loads(each)["arm"] == arm)
        (file := tmp_path / "decision.json").write_bytes(raw)
        assert "is reproduced by bundle" in run("verify", str(file), settings=decided).stdout
    tampered = msgspec.structs.replace(msgspec.json.decode(raw, type=Decision), verdict="decline", score=0.999)
    file.write_bytes(msgspec.json.encode(tampered))
    shown = run("verify", str(file), settings=decided)
    assert shown.returncode == 1
    assert "verdict: the decision says 'decline', recomputed it is 'approve'" in shown.stdout
    assert "score: the decision says 0.999" in shown.stdout


def test_a_model_alone_is_compared_with_the_decisions(decided: Settings, tmp_path: Path) -> None:
    """Replaying one model, named by path, version or URL, writes one line per differing decision; the counts match."""
    out = tmp_path / "differ.jsonl"
    reports = []
    for which in ("fraud/3", "3", f"file://{Path(decided.bundle.store).resolve()}/fraud/3"):
        shown = run("replay", "--model", which, "--out", str(out), settings=decided)
        assert shown.returncode == 0, shown.stderr
        reports.append(json.loads(shown.stdout))
    assert reports[0] == reports[1] == reports[2]
    report, lines = reports[0], [json.loads(line) for line in out.read_bytes().splitlines()]
    assert report["different"] == len(lines) == sum(flip["transactions"] for flip in report["flips"].values()) > 0
    assert report["same"] + report["different"] == 3 * COUNT
    assert all(line["fields"]["verdict"][0] != line["fields"]["verdict"][1] for line in lines)
    # A release reads the differences from a pod's log, in which both outputs are one.
    shown = run("replay", "--model", "3", "--out", "/dev/stdout", settings=decided)
    found = read_replay(shown.stderr + shown.stdout).differences
    # The order of the partitions differs from run to run.
    expected = [msgspec.convert(each, DecisionDifference) for each in lines]
    assert sorted(found, key=_position) == sorted(expected, key=_position)


def test_live_shadow_scores_are_reproduced_offline(decided: Settings) -> None:
    """Offline scores equal live shadow scores; for a model without shadow scores, the difference is NaN."""
    until = max(m.timestamp()[1] for m in read_all(decided.kafka.bootstrap, decided.topic.shadow_scores)) + 1
    roles = current_roles(decided.kafka, decided.topic)
    assert roles is not None
    for challenger in roles.challengers:
        assert parity_gap(decided, challenger.bundle, until) <= TOLERANCE
    assert math.isnan(parity_gap(decided, msgspec.structs.replace(roles.champion, sha256="f" * 64), until))


def test_a_topic_range_is_half_open(settings: Settings) -> None:
    """Ranges use Kafka's timestamps and exclude their end; a range before or after all messages is empty."""
    send(settings, 50)
    stamps = sorted(m.timestamp()[1] for m in read_all(settings.kafka.bootstrap, settings.topic.transactions))
    first, last = stamps[0], stamps[-1]
    assert _count(settings, TopicRange(first, last + 1)) == 50
    assert _count(settings, TopicRange(first, last)) == sum(stamp < last for stamp in stamps)
    assert _count(settings, TopicRange(None, first)) == _count(settings, TopicRange(last + 1, None)) == 0
    assert _count(settings, TopicRange()) == 50


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d | {"source_offset": 10**9}, "does not exist; the topic's retention may have deleted it"),
        (lambda d: d | {"source_partition": 99}, "has no partition 99"),
        (lambda d: d | {"role_epoch": 99}, "role epoch 99 is not on"),
        (lambda d: d | {"role_epoch": 1}, "no previous champion to fall back to"),
        (lambda _: {}, "not a decision"),
    ],
    ids=["offset", "partition", "epoch", "bundle", "nothing"],
)
def test_a_decision_that_cannot_be_verified_is_an_error(
    change: Callable[[dict[str, object]], dict[str, object]], message: str, settings: Settings, tmp_path: Path
) -> None:
    """A decision that cannot be verified causes a one-line error that says what is missing."""
    publish_champion(settings)
    send(settings, 1)
    (sent,) = read_all(settings.kafka.bootstrap, settings.topic.transactions)
    golden = Path(__file__).parents[1] / "golden" / "v1" / "decision.json"
    position = {"source_partition": sent.partition(), "source_offset": sent.offset()}
    decision = json.loads(golden.read_bytes()) | {"source_topic": settings.topic.transactions} | position
    (file := tmp_path / "decision.json").write_text(json.dumps(change(decision)))
    shown = run("verify", str(file), settings=settings)
    assert shown.returncode == 1
    assert message in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("--from", "yesterday"), ("--model",)])
def test_bad_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    """Usage errors are reported before Kafka is queried."""
    assert run("replay", *arguments).returncode == 2


def _topics(settings: Settings) -> tuple[str, ...]:
    return (
        settings.topic.decisions,
        settings.topic.alerts,
        settings.topic.shadow_scores,
        settings.topic.dead_letters,
        settings.topic.model_updates,
    )


def _count(settings: Settings, span: TopicRange) -> int:
    return sum(len(batch.values) for batch in read_range(settings.kafka, settings.topic.transactions, span))
