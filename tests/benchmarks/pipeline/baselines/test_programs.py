"""Baselines write the same decisions, alerts and shadow scores as the worker, byte for byte except for the clock."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.pipeline.inputs import BenchmarkInputs
from benchmarks.pipeline.numbered_transactions import NumberedTransactions
from benchmarks.pipeline.programs import Program, baseline_program, running, worker_program
from benchmarks.pipeline.quix_environment import quix_python
from benchmarks.pipeline.reader import DecisionReader
from benchmarks.pipeline.trial_broker import read_decisions
from schemas.messages import Challenger
from stream.control.role_writer import publish_roles
from stream.kafka.load_generator import send_transactions
from stream.kafka.topics import create_topics
from stream.settings import Settings

COUNT = 300
#: Fields that depend on the worker's clock.
_CLOCK = re.compile(rb'"(scored_at_ms|latency_ms)":[0-9.e+-]+')

MakeSettings = Callable[..., Settings]


def _run(program: Program, settings: Settings, inputs: BenchmarkInputs, scratch: Path) -> dict[str, list[bytes]]:
    """Return the messages that a program writes, by topic, without the clock fields."""
    create_topics(settings.kafka, settings.topic)
    publish_roles(
        settings.kafka,
        settings.topic,
        champion=inputs.champion,
        challengers=(Challenger(inputs.challengers[0]),),
        author="test",
    )
    with DecisionReader(settings, COUNT) as reader, running(program, settings, 100, scratch) as process:
        send_transactions(settings.kafka, settings.topic.transactions, NumberedTransactions(inputs.transactions, COUNT))
        assert reader.wait_for_all(30), process.last_lines()
    assert (reader.decision_counts == 1).all()
    written = {}
    for name in ("decisions", "alerts", "shadow_scores"):
        topic = settings.topic.names[name]
        messages = read_decisions(settings.replace(topic_decisions=topic))
        source = settings.topic.transactions.encode()
        values = (_CLOCK.sub(b"", message.value()).replace(source, b"transactions") for message in messages)
        written[name] = sorted(values)
    return written


@pytest.mark.slow
@pytest.mark.parametrize("name", ["confluent_loop", "plain_faust", "quix"])
def test_a_baseline_writes_the_same_messages_as_the_worker(
    name: str, inputs: BenchmarkInputs, make_settings: MakeSettings, tmp_path: Path
) -> None:
    """A baseline writes the worker's bytes except for the clock fields, and decides every transaction once."""
    python, problem = quix_python() if name == "quix" else (Path(sys.executable), "")
    assert python is not None, problem
    first, second = make_settings(), make_settings()
    # The topics are separate, so that both programs read the same offsets.
    second = second.replace(
        kafka_group=f"{second.kafka.group}-baseline",
        **{f"topic_{field}": f"{name}-baseline" for field, name in second.topic.names.items()},
    )
    ours = _run(worker_program(), first, inputs, tmp_path)
    theirs = _run(baseline_program(name, python, inputs, (100,)), second, inputs, tmp_path)
    assert len(ours["decisions"]) == len(ours["shadow_scores"]) == COUNT
    assert ours["alerts"]
    assert theirs == ours
