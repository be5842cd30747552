"""The micro-batcher's queue, and what happens to a batch that cannot be scored."""

import asyncio
import time
from typing import Any
from unittest.mock import Mock

import pytest

from schemas.errors import DeadlineExceededError, FraudError, NoChampionError
from stream.http.metrics import HttpMetrics
from stream.http.micro_batcher import MicroBatcher, ScoredTransaction
from stream.scoring.scorer import Scorer
from stream.serving.role_counter import RoleCounter
from tests.scoring.fake_model import failing_where, fake_model, features, scorer, transaction


def test_a_transaction_past_its_deadline_is_not_scored() -> None:
    """A transaction past its deadline fails with DeadlineExceededError.

    The batcher has no scorer here, so scoring would raise another error.
    """
    nothing: Any = None
    batcher = MicroBatcher("transactions", 0.02, roles=nothing, counts=nothing, observe=nothing, metrics=nothing)
    results: list[ScoredTransaction | FraudError] = []

    async def fill_and_block() -> None:
        for _ in range(100):
            batcher.enqueue(b"{}", results.append)
        time.sleep(0.05)  # noqa: ASYNC251 - blocks the event loop on purpose
        await asyncio.sleep(0)

    asyncio.run(fill_and_block())
    assert [type(each) for each in results] == [DeadlineExceededError] * 100


class Roles:
    """Roles whose champion is replaced when it is demoted."""

    def __init__(self, *scorers: Scorer) -> None:
        self.scorers = list(scorers)

    def deciding(self) -> Scorer:
        """Return the scorer in use."""
        if not self.scorers:
            raise NoChampionError("there is no champion")
        return self.scorers[0]

    def demote(self, failed: Scorer, _: Exception) -> None:
        """Replace the scorer that failed."""
        self.scorers.remove(failed)


def score(roles: Any, *values: bytes) -> list[ScoredTransaction | FraudError]:
    """Score transactions in one batch."""
    results: list[ScoredTransaction | FraudError] = []
    batcher = MicroBatcher(
        "transactions", 10.0, roles=roles, counts=RoleCounter("0"), observe=lambda _: None, metrics=HttpMetrics()
    )

    async def enqueue() -> None:
        for value in values:
            batcher.enqueue(value, results.append)
        await asyncio.sleep(0)  # the batch runs

    asyncio.run(enqueue())
    return results


def faulty() -> Scorer:
    """Return a scorer whose champion fails on the transactions in these tests and on its parity rows."""
    return scorer(fake_model(rule=failing_where(lambda matrix: matrix[:, 0] >= 5), parity_holds=False))


def test_the_replacement_of_a_faulty_champion_scores_the_same_batch() -> None:
    """The callers get decisions; they do not notice that the champion was demoted."""
    good = scorer(fake_model())
    roles = Roles(faulty(), good)
    results = score(roles, *[transaction(features(9))] * 3)
    assert [type(each) for each in results] == [ScoredTransaction] * 3
    assert roles.scorers == [good]


def test_without_a_replacement_no_transaction_is_decided() -> None:
    """Each caller gets the error, once."""
    results = score(Roles(faulty()), *[transaction(features(9))] * 3)
    assert [type(each) for each in results] == [NoChampionError] * 3


def test_an_unforeseen_error_fails_only_its_batch(caplog: pytest.LogCaptureFixture) -> None:
    """Each caller gets an error, and the log has the cause."""
    broken: Any = Mock(score=Mock(side_effect=RuntimeError("unforeseen")))
    results = score(Roles(broken), b"{}", b"{}")
    assert [type(each) for each in results] == [NoChampionError] * 2
    assert "scoring 2 transactions failed" in caplog.text
    assert "RuntimeError: unforeseen" in caplog.text
