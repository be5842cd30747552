"""A ledger inside the test's own process, on a clock of its own: months go by in seconds."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from stream.clock import ScaledClock
from stream.ledger.program import LedgerProgram
from stream.ledger.tables import decisions, labels, shadow_scores
from stream.settings import Settings
from tests.support.ledger_traffic import send_history
from tests.support.records import BASE_MS
from tests.support.until import until

#: A real second is ten days.
SPEED = 864_000


def test_old_decisions_go_while_the_ledger_runs(
    ledger_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the retention, counted on the injected clock from when they were read, with all that belongs to them."""
    monkeypatch.setattr("stream.ledger.service.RETENTION_S", 0.3)
    settings = ledger_settings(ledger_retention_days=60)
    send_history(settings, 500)

    def sizes(program: LedgerProgram) -> list[int]:
        with program.engine.connect() as connection:
            tables = (decisions, shadow_scores, labels)
            return [connection.execute(select(func.count()).select_from(each)).scalar_one() for each in tables]

    def steps(program: LedgerProgram) -> None:
        until(lambda: program.health.problems() == [])
        until(lambda: sizes(program) == [500, 500, 50], 5)
        until(lambda: sizes(program) == [0, 0, 0], 20)
        assert "ledger_deleted_total" in str(list(program.metrics.registry.collect()))

    async def both() -> None:
        program = LedgerProgram(settings, clock=ScaledClock(BASE_MS, SPEED))
        running = asyncio.create_task(program.run())
        try:
            await asyncio.to_thread(steps, program)
        finally:
            program._stop_requested.set()
            await running

    asyncio.run(both())
