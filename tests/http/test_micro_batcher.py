"""The micro-batcher's queue."""

import asyncio
import time
from typing import Any

from schemas.errors import DeadlineExceededError, FraudError
from stream.http.micro_batcher import MicroBatcher, ScoredTransaction


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
