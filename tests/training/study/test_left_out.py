"""Entries that a study left out: how they are stored, and which of them leave the study incomplete."""

import msgspec
import pytest

from training.study.left_out import LeftOut, decode_left_out, encode_left_out
from training.study.runs import LEFT_OUT, Study

FAILED = LeftOut("failed: DataError: too few rows", failed=True)
OUT_OF_TIME = LeftOut("no time was left")


def make_study(status: str, tag: str) -> Study:
    """Return a study that ended with the given status and tag of left-out entries."""
    return Study("run", "small", {LEFT_OUT: tag}, status, {}, 1.0)


@pytest.mark.parametrize(
    ("left_out", "complete"),
    [({}, True), ({"a": FAILED}, True), ({"a": OUT_OF_TIME}, False), ({"a": FAILED, "b": OUT_OF_TIME}, False)],
)
def test_only_failed_entries_leave_a_study_complete(left_out: dict[str, LeftOut], complete: bool) -> None:
    """A failed entry would fail again; an entry that ran out of time still has to be run."""
    assert make_study("FINISHED", encode_left_out(left_out)).complete is complete
    assert not make_study("KILLED", encode_left_out(left_out)).complete


def test_left_out_entries_survive_encoding() -> None:
    """Encoding keeps the flag as well as the reason, so that no code has to parse the reason."""
    left_out = {"a": FAILED, "b": OUT_OF_TIME}
    assert decode_left_out(encode_left_out(left_out)) == left_out


def test_a_tag_of_an_earlier_version_can_be_read() -> None:
    """Earlier versions stored only the reason, so the study counts as incomplete and runs the entry again."""
    study = make_study("FINISHED", msgspec.json.encode({"a": FAILED.reason}).decode())
    assert study.left_out == {"a": LeftOut(FAILED.reason)}
    assert not study.complete
