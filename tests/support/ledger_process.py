"""A ledger as users run it: `fraud-stream ledger` in a process of its own, which a test may kill."""

import functools
import time

from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from stream.ledger.database import open_engine
from stream.ledger.tables import metadata
from tests.support.worker_process import WorkerProcess


class LedgerProcess(WorkerProcess):
    """A ledger process that ends no later than the test.

    Args:
        settings: Settings of the ledger, passed only as environment variables.
        directory: Directory for the ledger's output.
    """

    command = "ledger"

    @functools.cached_property
    def engine(self) -> Engine:
        """A connection to the ledger's database that is independent of the ledger."""
        return open_engine(self.settings.ledger.url)

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        if "engine" in vars(self):  # a test has used it
            self.engine.dispose()

    def rows(self, table: str) -> int:
        """Return the number of rows of a table; 0 while the table does not exist or the database is not responding."""
        try:
            with self.engine.connect() as connection:
                count = connection.execute(select(func.count()).select_from(metadata.tables[table])).scalar()
                return int(count or 0)
        except SQLAlchemyError:
            return 0

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows that a query selects."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def wait_rows(self, timeout: float = 60.0, **tables: int) -> None:
        """Wait until each table has at least the given number of rows."""
        deadline = time.monotonic() + timeout
        while short := {t: n for t, least in tables.items() if (n := self.rows(t)) < least}:
            assert time.monotonic() < deadline, f"only {short} within {timeout:g} s:\n{self.last_lines()}"
            time.sleep(0.05)
