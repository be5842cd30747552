"""Tutorials and how-to guides, run word by word against a real Kafka. `tests.docs` explains the comments in them."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka.admin import AdminClient

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
    save_roles(TrainedRoles("var/bundles", champion, tuple(challengers)), store.parent / "models" / "baseline.json")
    messages = store.parent / "data" / "test.jsonl"
    messages.parent.mkdir()
    messages.write_bytes(b"".join(transaction(number) + b"\n" for number in range(TRANSACTIONS)))


class Start(NamedTuple):
    """What a page takes for granted: files, and commands that the reader has run, some of them in the background."""

    prepare: Callable[[Path], None] = after_demo
    commands: tuple[str, ...] = ()
    background: tuple[tuple[str, str], ...] = ()


ROLES = ("fraud-stream topics", "fraud-train publish")
WORKER = (("fraud-stream worker", "assigned partitions"),)
#: The pages that are run.
PAGES: dict[str, Start] = {
    "docs/tutorials/first-decision.md": Start(),
    "docs/tutorials/own-data.md": Start(lambda _: None),
    "docs/tutorials/own-broker.md": Start(),
    "docs/how-to/change-roles.md": Start(commands=ROLES, background=WORKER),
    "docs/how-to/prove-a-decision.md": Start(
        commands=(*ROLES, "fraud-stream produce var/data/test.jsonl"), background=WORKER
    ),
    "docs/how-to/secure.md": Start(),
    "docs/how-to/back-up.md": Start(commands=ROLES, background=(("fraud-stream ledger", "assigned partitions"),)),
    "docs/how-to/command-lines.md": Start(commands=ROLES),
}


#: Pages whose commands train models, which takes a minute; test_own_data.py in tests/training follows the same path.
SLOW = ("docs/tutorials/own-data.md",)


@pytest.fixture(scope="module")
def broker() -> Iterator[LocalBroker]:
    """A broker for the pages alone, since they use the default names of topics."""
    with LocalBroker(brief=True) as broker:
        yield broker


@pytest.fixture
def bootstrap(broker: LocalBroker) -> Iterator[str]:
    """The address of the broker, whose topics are deleted after the page."""
    yield broker.bootstrap
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    topics = [name for name in admin.list_topics(timeout=10).topics if not name.startswith("__")]
    # The client rejects an empty list.
    for deleted in (admin.delete_topics(topics) if topics else {}).values():
        deleted.result()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in PAGES]
)
def test_a_page_works_as_written(name: str, tmp_path: Path, bootstrap: str) -> None:
    """Every command of the page succeeds and prints what the page shows."""
    start = PAGES[name]
    start.prepare(tmp_path)
    ports = {f"FRAUD_{program}_PORT": str(free_port()) for program in ("WEB", "LEDGER_WEB", "ARCHIVE_WEB", "HTTP")}
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("FRAUD_", "MLFLOW_"))},
        **ports,
        "FRAUD_KAFKA_BOOTSTRAP": bootstrap,
        # Offsets that another page committed on the broker do not matter to this page's groups.
        **{
            f"FRAUD_{program}_GROUP": f"{tmp_path.name}-{program.lower()}" for program in ("KAFKA", "LEDGER", "ARCHIVE")
        },
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "120",
    }
    addresses = {
        "127.0.0.1:9092": bootstrap,
        "127.0.0.1:6066": f"127.0.0.1:{ports['FRAUD_WEB_PORT']}",
        "127.0.0.1:6068": f"127.0.0.1:{ports['FRAUD_LEDGER_WEB_PORT']}",
        "127.0.0.1:6070": f"127.0.0.1:{ports['FRAUD_ARCHIVE_WEB_PORT']}",
        "127.0.0.1:6072": f"127.0.0.1:{ports['FRAUD_HTTP_PORT']}",
        "16066": str(free_port()),
    }
    with Session(tmp_path, environment, addresses) as session:
        for command in start.commands:
            session.run(command)
        for command, text in start.background:
            session.start(command, text)
        for block in blocks_of(ROOT / name):
            if block.kind == "file" or (block.language == "console" and block.kind != "not run"):
                session.run_block(block)
