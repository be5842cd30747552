"""The promotion history: append-only, whole, and of two at once only the first counts."""

import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from mlflow.tracking import MlflowClient

from schemas.errors import RegistryError, StaleEpochError
from schemas.messages import BundleRef, Challenger
from tests.training.registry.conftest import Add
from training.registry.connection import Connection
from training.registry.history import HISTORY, Change, Entry, History
from training.registry.promote import Promoter


def change(number: int) -> Change:
    """Return a change that makes version `number` champion."""
    ref = BundleRef("fraud", str(number), f"fraud/{number}", f"{number:064x}")
    return Change("promote", ref, None, (Challenger(ref),), "ann", "because", "runs:/x/y", number, number)


@pytest.fixture
def history(mlflow: Connection) -> History:
    """An empty history."""
    return History(mlflow)


def test_what_was_written_is_read_in_order(history: History) -> None:
    """Every field, oldest first."""
    written = [history.append(change(number), after=number) for number in range(3)]
    assert history.entries() == written == [Entry(number + 1, change(number)) for number in range(3)]


def test_of_two_at_once_the_first_counts(history: History, client: MlflowClient) -> None:
    """The second was thought out on the same state; it is refused, and its entry says what it is."""
    first = history.append(change(1), after=0)
    with pytest.raises(StaleEpochError, match="another promotion was quicker; look at `fraud-train history`"):
        history.append(change(2), after=0)
    assert history.entries() == [first]
    described = client.get_model_version(HISTORY, "2").description or ""
    assert described.startswith("void, another was quicker: promote fraud/2 by ann")
    assert history.append(change(3), after=first.number) in history.entries()


def test_a_writer_that_dies_before_it_learns_that_it_was_second_does_no_harm(
    history: History, client: MlflowClient
) -> None:
    """Its entry stays, but every reader sees that it does not count."""
    first = history.append(change(1), after=0)
    tags = {"change": msgspec.json.encode((0, change(2))).decode()}
    client.create_model_version(HISTORY, "bundle:/x", tags=tags)
    assert history.entries() == [first]
    third = history.append(change(3), after=first.number)
    assert history.entries() == [first, third]


def test_an_entry_that_somebody_deleted_takes_no_other_with_it(history: History, client: MlflowClient) -> None:
    """Those after it still count, and numbers are not given again."""
    entries = [history.append(change(number), after=number) for number in range(3)]
    client.delete_model_version(HISTORY, "2")
    assert history.entries() == [entries[0], entries[2]]
    assert history.append(change(4), after=3).number == 4


def test_an_entry_of_somebody_else_is_one_line(history: History, client: MlflowClient) -> None:
    """It is named, with the mend."""
    client.create_model_version(HISTORY, "bundle:/x", tags={"change": '["", {}]'})
    with pytest.raises(
        RegistryError, match=r"^version 1 of fraud-promotions in MLflow is no change of ours .*; delete"
    ):
        history.entries()


def test_writers_in_a_race_make_one_history(desk: Promoter, add: Add) -> None:
    """Whoever is told of success stands in the history, whoever is not does not, and aliases follow the last."""
    count = 4
    for _ in range(count):
        add()
    start = threading.Barrier(count)

    def promote(number: str) -> Entry | None:
        start.wait()
        try:
            return desk.promote(number, who=number, why="race")
        except StaleEpochError:
            return None

    with ThreadPoolExecutor(count) as threads:
        written = [entry for entry in threads.map(promote, map(str, range(1, count + 1))) if entry]
    entries = desk.history.entries()
    assert written
    assert sorted(written, key=lambda entry: entry.number) == entries
    desk.catch_up()
    assert desk.registry.aliases()["champion"] == entries[-1].change.champion.version
