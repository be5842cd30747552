"""The report of a rehearsal: what makes it fail."""

from typing import Any

import msgspec
import pytest

from deploy.rehearsal.report import Rehearsal, Rehearsed, markdown
from deploy.rehearsal.traffic import HttpResult
from training.machine import Machine

HTTP = HttpResult(responses=100, failed=0, seconds=10.0, p50_ms=5.0, p99_ms=20.0)
BAD = Rehearsed("answers 500", "smoke tests", as_expected=True, rollback_s=2.0, http=HTTP, entries=[], log=[])
GOOD = Rehearsed("a good release", None, as_expected=True, rollback_s=None, http=HTTP, entries=[], log=[])
MACHINE = Machine(cpu="a CPU", cores=2, memory_gib=8.0, os="an OS", python="3.13", packages={}, load_before=0.1)
PASSED = Rehearsal(MACHINE, 300.0, [BAD, GOOD], 1000, 100.0, 0, 0, 200, 0, 0)


def test_a_rehearsal_as_it_should_be() -> None:
    """Nothing is reported but the figures."""
    assert PASSED.problems() == []
    assert "Not as expected" not in markdown(PASSED)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"lost": 1}, "1 transactions of the stream have no decision"),
        ({"repeated": 2}, "2 transactions of the stream have more than one decision"),
        ({"http_repeated": 3}, "3 HTTP transactions have more than one decision"),
        ({"http_decided": 196}, "4 responses have no decision in Kafka"),
        ({"dead_letters": 5}, "5 dead letters"),
        ({"releases": [GOOD, msgspec.structs.replace(GOOD, as_expected=False)]}, "a good release: expected to be"),
        ({"releases": [GOOD, msgspec.structs.replace(BAD, as_expected=False)]}, "expected 'smoke tests' to fail"),
        ({"releases": [GOOD, msgspec.structs.replace(BAD, rollback_s=31.0)]}, "rolled back in 31 s, limit 30 s"),
        (
            {"releases": [BAD, msgspec.structs.replace(GOOD, http=msgspec.structs.replace(HTTP, failed=7))]},
            "a good release: 7 HTTP requests failed",
        ),
    ],
)
def test_each_problem_is_named(change: dict[str, Any], problem: str) -> None:
    """A person sees from the page what was wrong, and the rehearsal fails."""
    rehearsal = msgspec.structs.replace(PASSED, **change)
    (found,) = rehearsal.problems()
    assert problem in found
    assert f"- Not as expected: {found}\n" in markdown(rehearsal)
