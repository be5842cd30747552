"""The tables of topics and access rules agree with the code, where they can be compared."""

import re
from pathlib import Path

import pytest

from deploy.reference.access import OUTSIDE, PROGRAMS, TAIL, readers, writers
from deploy.reference.channels import CHANNELS
from stream.settings import TopicSettings

STREAM = Path(__file__).parents[3] / "stream"
SOURCES = {file: file.read_text("utf-8") for file in STREAM.rglob("*.py")}


def _matches(pattern: str) -> set[str]:
    return {match for text in SOURCES.values() for match in re.findall(pattern, text)}


def test_the_groups_are_those_of_the_code() -> None:
    """Each group whose name is made from `FRAUD_KAFKA_GROUP` in the code is in the table, and no others are."""
    groups = {group for access in PROGRAMS.values() for group in access.groups} | {TAIL}
    documented = {group.removeprefix("<FRAUD_KAFKA_GROUP>-") for group in groups if "KAFKA_GROUP>-" in group}
    assert documented == _matches(r'kafka\.group\}-([a-z-]+)"')
    assert "<FRAUD_KAFKA_GROUP>" in PROGRAMS["worker"].groups
    assert _matches(r'(?<=self\._group)\}-\{topic\}"'), "the ledger's and archive's groups are named differently"


def test_the_transactional_ids_are_those_of_the_code() -> None:
    """A worker's id has the form in the table, and each topic with a sole writer has an id of the documented form."""
    assert _matches(r'kafka\.group\}-\{self\._kafka\.slot\}-\{turn\}"')
    assert _matches(r'"transactional\.id": (f"\{topic\}-writer")')
    sole = _matches(r"sole_(?:writer|transactions)\(kafka, topics\.(\w+)\)")
    names = TopicSettings().names
    documented = {each for access in PROGRAMS.values() for each in access.transactional_ids if "-writer" in each}
    assert documented == {f"<{names[topic]}>-writer" for topic in sole}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_transactional_writer_may_write_to_its_topic(program: str) -> None:
    """A program with the id of a topic's sole writer also writes to that topic and reads it."""
    access, names = PROGRAMS[program], TopicSettings().names
    for each in access.transactional_ids:
        if each.endswith(">-writer"):
            (topic,) = (name for name in names if f"<{names[name]}>-writer" == each)
            assert topic in access.writes
            assert topic in access.reads


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_reads_has_a_group(program: str) -> None:
    """Every consumer has a group, and a program without one reads nothing."""
    assert bool(PROGRAMS[program].reads) == bool(PROGRAMS[program].groups)


@pytest.mark.parametrize("topic", CHANNELS)
def test_every_topic_is_written_and_read(topic: str) -> None:
    """Each topic has a writer and a reader, and the table names no topic that does not exist."""
    assert writers(topic)
    assert readers(topic)
    named = {name for access in (OUTSIDE | PROGRAMS).values() for name in (*access.reads, *access.writes)}
    assert named <= set(CHANNELS)
