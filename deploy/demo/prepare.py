"""Preparation of the demo: data, models, the messages to stream and the offline scores to expect.

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
    """Inputs for the streaming part of the demo."""

    roles: TrainedRoles
    #: Algorithm by model version.
    algorithms: dict[str, str]
    #: Key and value of each transaction in the test set, in order of event time.
    messages: list[tuple[str, bytes]]
    #: Columns transaction_id, label, and score_<version> and verdict_<version> for each model.
    offline: pl.DataFrame


def prepare() -> Prepared:
    """Download the data, train the models and export the messages, unless they already exist.

    Raises:
        FraudError: If a step fails; the step itself prints the reason.
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
    # Training runs in a separate process, so that training's memory is released before the streaming part.
    done = subprocess.run([sys.executable, "-m", "training.cli", *command], check=False)  # noqa: S603 - our own program
    if done.returncode:
        raise FraudError(f"`fraud-train {' '.join(command)}` failed; see its message above")
