"""Rivals do the worker's work: the same decisions, alerts and shadow scores, byte for byte, but for the clock."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.pipeline.feed import Feed
from benchmarks.pipeline.inputs import Materials
from benchmarks.pipeline.programs import Program, rival, running, the_worker
from benchmarks.pipeline.quix_environment import quix_python
from benchmarks.pipeline.reader import DecisionReader
from benchmarks.pipeline.trial_broker import read_all
from schemas.messages import Challenger
from stream.control.role_writer import publish_roles
from stream.kafka.load_generator import send
from stream.kafka.topics import create_topics
from stream.settings import Settings

COUNT = 300
#: The envelope: the worker's clock.
_CLOCK = re.compile(rb'"(scored_at_ms|latency_ms)":[0-9.e+-]+')

MakeSettings = Callable[..., Settings]


def _run(program: Program, settings: Settings, materials: Materials, scratch: Path) -> dict[str, list[bytes]]:
    """Return what a program writes, by topic, without the clock."""
    create_topics(settings)
    publish_roles(
        settings, champion=materials.champion, challengers=(Challenger(materials.challengers[0]),), author="test"
    )
    with DecisionReader(settings, COUNT) as reader, running(program, settings, 100, scratch) as process:
        send(settings, Feed(materials.rows, COUNT))
        assert reader.wait(30), process.last_lines()
    assert (reader.seen == 1).all()
    found = {}
    for name in ("decisions", "alerts", "shadow_scores"):
        topic = settings.topic.names[name]
        messages = read_all(settings.replace(topic_decisions=topic))
        source = settings.topic.transactions.encode()
        values = (_CLOCK.sub(b"", message.value()).replace(source, b"transactions") for message in messages)
        found[name] = sorted(values)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["confluent_loop", "plain_faust", "quix"])
def test_a_rival_writes_what_the_worker_writes(
    name: str, materials: Materials, make_settings: MakeSettings, tmp_path: Path
) -> None:
    """All bytes are the same but for the clock, and every transaction is decided once."""
    python, problem = quix_python() if name == "quix" else (Path(sys.executable), "")
    assert python is not None, problem
    first, second = make_settings(), make_settings()
    # Each on topics of its own: both must see the same offsets.
    second = second.replace(
        kafka_group=f"{second.kafka.group}-rival",
        **{f"topic_{field}": f"{name}-rival" for field, name in second.topic.names.items()},
    )
    ours = _run(the_worker(), first, materials, tmp_path)
    theirs = _run(rival(name, python, materials, (100,)), second, materials, tmp_path)
    assert len(ours["decisions"]) == len(ours["shadow_scores"]) == COUNT
    assert ours["alerts"]
    assert theirs == ours
