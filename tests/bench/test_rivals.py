"""Rivals do the worker's work: the same decisions, alerts and shadow scores, byte for byte, but for the clock."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from schemas.messages import Challenger
from stream.bench.feed import Feed
from stream.bench.field import read_all
from stream.bench.load import send
from stream.bench.materials import Materials
from stream.bench.programs import Program, rival, running, the_worker
from stream.bench.quix_environment import quix_python
from stream.bench.reader import DecisionReader
from stream.kafka.assign import publish_roles
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
        assert reader.wait(30), process.last_words()
    assert (reader.seen == 1).all()
    found = {}
    for name in ("topic_decisions", "topic_alerts", "topic_shadow_scores"):
        topic = getattr(settings, name)
        messages = read_all(msgspec.structs.replace(settings, topic_decisions=topic))
        source = settings.topic_transactions.encode()
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
    second = msgspec.structs.replace(
        second,
        group=f"{second.group}-rival",
        **{field: f"{topic}-rival" for field, topic in msgspec.structs.asdict(second).items() if "topic_" in field},
    )
    ours = _run(the_worker(), first, materials, tmp_path)
    theirs = _run(rival(name, python, materials, (100,)), second, materials, tmp_path)
    assert len(ours["topic_decisions"]) == len(ours["topic_shadow_scores"]) == COUNT
    assert ours["topic_alerts"]
    assert theirs == ours
