"""The tutorials, run word by word against a real Kafka. See `tests.docs` for the comments that steer this."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.local.broker import LocalBroker
from stream.runtime.ports import free_port
from tests.docs.blocks import blocks_of
from tests.docs.session import Session
from tests.docs.usage import ROOT
from tests.support.bundles import put_bundle
from tests.support.traffic import transaction
from training.registry.roles import TrainedRoles, save_roles

#: Transactions in the file that `make demo` leaves behind.
TRANSACTIONS = 2_000


def after_demo(directory: Path) -> None:
    """Leave behind what `make demo` does: a champion and two challengers, and transactions to send."""
    store = directory / "var" / "bundles"
    store.parent.mkdir()
    champion, *challengers = (put_bundle(store, str(version), reference=True) for version in (1, 2, 3))
    save_roles(
        TrainedRoles("var/bundles", champion, tuple(challengers)), directory / "var" / "models" / "baseline.json"
    )
    (directory / "var" / "data").mkdir()
    (directory / "var" / "data" / "test.jsonl").write_bytes(
        b"".join(transaction(n) + b"\n" for n in range(TRANSACTIONS))
    )


def empty(_: Path) -> None:
    """Leave the directory empty."""


#: Pages that are run, and what prepares the directory for them.
TUTORIALS: dict[str, Callable[[Path], None]] = {
    "docs/tutorials/first-decision.md": after_demo,
    "docs/tutorials/own-data.md": empty,
    "docs/tutorials/own-broker.md": after_demo,
}


@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_works_as_written(name: str, tmp_path: Path, own_broker: LocalBroker) -> None:
    """Every command of the page succeeds and prints what the page shows."""
    TUTORIALS[name](tmp_path)
    ports = {f"FRAUD_{program}_PORT": str(free_port()) for program in ("WEB", "LEDGER_WEB", "ARCHIVE_WEB", "HTTP")}
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("FRAUD_", "MLFLOW_"))},
        **ports,
        "FRAUD_KAFKA_BOOTSTRAP": own_broker.bootstrap,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "120",
    }
    addresses = {
        "127.0.0.1:9092": own_broker.bootstrap,
        "127.0.0.1:6066": f"127.0.0.1:{ports['FRAUD_WEB_PORT']}",
        "127.0.0.1:6068": f"127.0.0.1:{ports['FRAUD_LEDGER_WEB_PORT']}",
        "127.0.0.1:6072": f"127.0.0.1:{ports['FRAUD_HTTP_PORT']}",
    }
    with Session(tmp_path, environment, addresses) as session:
        for block in blocks_of(ROOT / name):
            if block.kind == "file" or (block.language == "console" and block.kind != "not run"):
                session.run_block(block)
