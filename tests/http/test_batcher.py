"""Those whose time is over are told so, and cost those behind them nothing."""

import asyncio
import time
from typing import Any

from schemas.errors import FraudError, TooLateError
from stream.http.batcher import Answer, Batcher
from stream.settings import Settings


def test_who_waited_too_long_is_not_scored() -> None:
    """Nothing that could score is there: whoever asks it fails."""
    nothing: Any = None
    batcher = Batcher(Settings().replace(http_deadline_ms=20), nothing, nothing, nothing, nothing)
    told: list[Answer | FraudError] = []

    async def ask() -> None:
        for _ in range(100):
            batcher.ask(b"{}", told.append)
        time.sleep(0.05)  # noqa: ASYNC251 - the loop is held up, on purpose
        await asyncio.sleep(0)

    asyncio.run(ask())
    assert [type(each) for each in told] == [TooLateError] * 100
