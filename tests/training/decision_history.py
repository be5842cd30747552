"""A champion's decisions and their outcomes, in a ledger and an archive of the test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine

from schemas.messages import Label, Transaction, encode
from stream.archive.files import ArchiveFiles
from stream.archive.layout import utc_day
from stream.archive.open_file import OpenFile
from stream.evaluation.cohorts import DAY_MS
from stream.ledger.database import opened_engine
from stream.ledger.migrate import migrate
from stream.settings import Settings
from tests.support.bundles import NUMERIC
from tests.support.ledger_batch import LedgerWriter, ManualClock
from tests.support.records import BASE_MS, decision

#: Transactions of a simulated history, and the share of frauds among them.
ROWS, FRAUD_SHARE = 1300, 0.18


@dataclass
class DecisionHistory:
    """The decisions of one champion."""

    settings: Settings
    engine: Engine
    champion_sha256: str
    _writers: dict[str, LedgerWriter] = field(default_factory=dict)

    def simulate(
        self, *, rows: int = ROWS, fraud_share: float = FRAUD_SHARE, archived: bool = True
    ) -> list[Transaction[Any]]:
        """Record decisions on transactions one second apart, label and archive them, and let them mature."""
        random = np.random.default_rng(1)
        fraud = random.random(rows) < fraud_share
        values = random.normal(size=(rows, len(NUMERIC))) + 1.5 * fraud[:, np.newaxis]
        transactions = [
            Transaction(
                f"t{n}",
                f"card-{n % 300}",
                BASE_MS + n * 1000,
                int(1000 + random.integers(5000)),
                "EUR",
                dict(zip(NUMERIC, values[n].tolist(), strict=True)),
            )
            for n in range(rows)
        ]
        self.decide(transactions)
        self.label(
            [
                Label(f"l{n}", f"t{n}", "chargeback", fraud=True, event_time_ms=BASE_MS + n * 1000 + DAY_MS // 2)
                for n in np.flatnonzero(fraud).tolist()
            ]
        )
        if archived:
            self.archive(list(enumerate(transactions)))
        self.mature()
        return transactions

    def decide(self, transactions: list[Transaction[Any]], first_offset: int = 0, **changes: Any) -> None:
        """Record the champion's decisions on transactions at consecutive offsets of partition 0."""
        common = {
            "bundle_sha256": self.champion_sha256,
            "verdict": "approve",
            "source_topic": self.settings.topic.transactions,
            "source_partition": 0,
        }
        decisions = []
        for offset, transaction in enumerate(transactions, start=first_offset):
            own = {
                "transaction_id": transaction.transaction_id,
                "event_time_ms": transaction.event_time_ms,
                "source_offset": offset,
            }
            decisions.append(decision(offset, **(own | common | changes)))
        self.write("decisions", decisions)

    def label(self, labels: list[Label]) -> None:
        """Record labels."""
        self.write("labels", labels)

    def archive(self, messages: list[tuple[int, Transaction[Any] | bytes]]) -> None:
        """Archive messages at their offsets of partition 0."""
        file = OpenFile("transactions", 0, messages[0][0], utc_day(BASE_MS))
        for offset, message in messages:
            file.add(offset, BASE_MS, b"card", message if isinstance(message, bytes) else encode(message))
        ArchiveFiles(self.settings.archive.url).put("transactions", file.name, file.close())

    def mature(self) -> None:
        """Advance event time until everything recorded so far has matured."""
        later = BASE_MS + 10 * DAY_MS
        self.write("decisions", [decision(10**6, event_time_ms=later, bundle_sha256=self.champion_sha256)])

    def write(self, kind: str, messages: list[Any]) -> None:
        """Write messages into the ledger, as if it had read them from their topic."""
        if kind not in self._writers:  # a second writer would fence the first
            clock = ManualClock(BASE_MS + 20 * DAY_MS)
            self._writers[kind] = LedgerWriter(self.engine, kind, settings=self.settings, clock=clock)
        self._writers[kind].write(messages)


def history_settings(folder: Path) -> dict[str, Any]:
    """Return settings of a ledger and an archive in a folder."""
    return {
        "ledger_url": f"sqlite:///{folder}/ledger.db",
        "archive_url": f"file://{folder}/archive",
        "gate_maturity_days": 2,
        "watermark_lateness_s": 0.0,
    }


@contextmanager
def opened_history(settings: Settings, champion_sha256: str) -> Iterator[DecisionHistory]:
    """Create an empty ledger and an empty archive; close the ledger's connections at the end."""
    with opened_engine(settings.ledger.url) as engine:
        migrate(engine)
        ArchiveFiles(settings.archive.url).create()
        yield DecisionHistory(settings, engine, champion_sha256)
