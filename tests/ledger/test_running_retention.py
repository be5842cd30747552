"""Retention in a running ledger, on an accelerated clock."""

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

#: The clock advances ten days per real second.
SPEED = 864_000


def test_old_decisions_are_deleted_while_the_ledger_runs(
    ledger_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention counts from ingest time, on the injected clock; rows that belong to a decision are deleted with it."""
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

    async def run_and_check() -> None:
        program = LedgerProgram(settings, clock=ScaledClock(BASE_MS, SPEED))
        running = asyncio.create_task(program.run())
        try:
            await asyncio.to_thread(steps, program)
        finally:
            program._stop_requested.set()
            await running

    asyncio.run(run_and_check())
