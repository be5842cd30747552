"""What the demo needs before anything streams: data, models, the stream's messages, and the scores to expect.

Everything is kept under `var/`, so only the first run takes minutes.
"""

import subprocess
import sys

import msgspec
import polars as pl

from schemas.errors import FraudError
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from training.commands.options import ROLES, VAR
from training.registry.roles import TrainedRoles, load_roles

MESSAGES = VAR / "data" / "test.jsonl"
OFFLINE = VAR / "data" / "test-scores.parquet"


class Prepared(msgspec.Struct, frozen=True):
    """What the streaming part of the demo works with."""

    roles: TrainedRoles
    #: By version, the algorithm behind it.
    algorithms: dict[str, str]
    #: (key, value) of each transaction of the test part, in order of event time.
    messages: list[tuple[str, bytes]]
    #: Columns transaction_id, label, and for each model score_<version> and verdict_<version>.
    offline: pl.DataFrame


def prepare() -> Prepared:
    """Fetch, train and export whatever is not there yet.

    Raises:
        FraudError: If a step fails; the step itself has said why.
    """
    _run("fetch-data")
    if not _trained():
        _run("baseline")
        OFFLINE.unlink(missing_ok=True)
    if not MESSAGES.exists():
        _run("export-stream", "--part", "test", "--out", str(MESSAGES))
    if not OFFLINE.exists():
        _run("offline-scores", "--part", "test", "--out", str(OFFLINE))
    roles = load_roles(ROLES)
    store = BundleStore(roles.store)
    refs = (roles.champion, *roles.challengers)
    algorithms = {ref.version: read_bundle(store, ref).manifest.algorithm for ref in refs}
    values = MESSAGES.read_bytes().splitlines()
    keys = (msgspec.json.decode(value)["card_id"] for value in values)
    return Prepared(roles, algorithms, list(zip(keys, values, strict=True)), pl.read_parquet(OFFLINE))


def _trained() -> bool:
    if not ROLES.exists():
        return False
    roles = load_roles(ROLES)
    store = BundleStore(roles.store)
    return all(store.exists(ref.path) for ref in (roles.champion, *roles.challengers))


def _run(*command: str) -> None:
    # A process of its own: training takes memory that the streaming part must not share.
    done = subprocess.run([sys.executable, "-m", "training.cli", *command], check=False)  # noqa: S603 - our own program
    if done.returncode:
        raise FraudError(f"`fraud-train {' '.join(command)}` failed")
