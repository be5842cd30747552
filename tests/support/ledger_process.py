"""A ledger as users run it: `fraud-stream ledger` in a process of its own, which a test may kill."""

import functools
import time

from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from stream.ledger.database import open_engine
from stream.ledger.tables import metadata
from tests.support.worker_process import WorkerProcess


class LedgerProcess(WorkerProcess):
    """A ledger that ends with the test at the latest.

    Args:
        settings: Everything it is told, by environment variables alone.
        directory: Receives its output.
    """

    command = "ledger"

    @functools.cached_property
    def engine(self) -> Engine:
        """Its database, asked past it."""
        return open_engine(self.settings.ledger.url)

    def rows(self, table: str) -> int:
        """Return how many rows a table has; 0 while it is not there or cannot be asked."""
        try:
            with self.engine.connect() as connection:
                found = connection.execute(select(func.count()).select_from(metadata.tables[table])).scalar()
                return int(found or 0)
        except SQLAlchemyError:
            return 0

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        """Return what a query gives."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def wait_rows(self, timeout: float = 60.0, **tables: int) -> None:
        """Wait until each table named has so many rows at least."""
        deadline = time.monotonic() + timeout
        while short := {t: n for t, least in tables.items() if (n := self.rows(t)) < least}:
            assert time.monotonic() < deadline, f"only {short} within {timeout:g} s:\n{self.last_lines()}"
            time.sleep(0.05)
