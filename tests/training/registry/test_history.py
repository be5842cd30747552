"""The promotion history in MLflow is append-only, and of two simultaneous writers only the first counts."""

import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from mlflow.tracking import MlflowClient

from schemas.errors import RegistryError, StaleEpochError
from schemas.messages import BundleRef, Challenger, LinkedEvidence, RoleAction
from tests.training.registry.conftest import AddVersion
from training.registry.connection import MlflowConnection
from training.registry.history import HISTORY, HistoryEntry, PromotionHistory, RoleChange
from training.registry.promote import Promoter


def change(number: int) -> RoleChange:
    """Return a change that makes version `number` the champion."""
    ref = BundleRef("fraud", str(number), f"fraud/{number}", f"{number:064x}")
    evidence = LinkedEvidence("runs:/x/y")
    return RoleChange(
        RoleAction.PROMOTE, ref, None, (Challenger(ref),), "ann", "because", evidence, number, role_epoch=number
    )


@pytest.fixture
def history(mlflow: MlflowConnection) -> PromotionHistory:
    """An empty history."""
    return PromotionHistory(mlflow)


def test_changes_are_read_back_in_order(history: PromotionHistory) -> None:
    """Every field is kept, and the oldest change comes first."""
    written = [history.append(change(number), after=number) for number in range(3)]
    assert history.entries() == written == [HistoryEntry(number + 1, change(number)) for number in range(3)]


def test_of_two_changes_at_once_the_first_counts(history: PromotionHistory, client: MlflowClient) -> None:
    """Of two changes based on the same entry, the second is rejected, and its description says that it is void."""
    first = history.append(change(1), after=0)
    with pytest.raises(StaleEpochError, match="another process changed the roles first; see `fraud-train history`"):
        history.append(change(2), after=0)
    assert history.entries() == [first]
    described = client.get_model_version(HISTORY, "2").description or ""
    assert described.startswith("void, another change was first: promote fraud/2 by ann")
    assert history.append(change(3), after=first.number) in history.entries()


def test_the_entry_of_a_second_writer_that_dies_does_not_count(history: PromotionHistory, client: MlflowClient) -> None:
    """If a second writer dies, its entry stays in the history, and every reader sees that the entry does not count."""
    first = history.append(change(1), after=0)
    tags = {"change": msgspec.json.encode((0, change(2))).decode()}
    client.create_model_version(HISTORY, "bundle:/x", tags=tags)
    assert history.entries() == [first]
    third = history.append(change(3), after=first.number)
    assert history.entries() == [first, third]


def test_a_deleted_entry_does_not_invalidate_others(history: PromotionHistory, client: MlflowClient) -> None:
    """After an entry is deleted, later entries still count, and its number is not reused."""
    entries = [history.append(change(number), after=number) for number in range(3)]
    client.delete_model_version(HISTORY, "2")
    assert history.entries() == [entries[0], entries[2]]
    assert history.append(change(4), after=3).number == 4


def test_a_foreign_entry_is_reported_in_one_line(history: PromotionHistory, client: MlflowClient) -> None:
    """An entry that is not a change of roles causes a one-line error that names the entry and says how to fix it."""
    client.create_model_version(HISTORY, "bundle:/x", tags={"change": '["", {}]'})
    with pytest.raises(
        RegistryError, match=r"^version 1 of fraud-promotions in MLflow is not a change of roles .*; delete"
    ):
        history.entries()


def test_concurrent_promotions_make_one_history(promoter: Promoter, add_version: AddVersion) -> None:
    """Of concurrent promotions, exactly those that succeed are in the history, and aliases follow the last of them."""
    count = 4
    for _ in range(count):
        add_version()
    start = threading.Barrier(count)

    def promote(number: str) -> str | None:
        start.wait()
        try:
            promoter.promote(number, author=number, reason="race")
        except StaleEpochError:
            return None
        return number

    with ThreadPoolExecutor(count) as threads:
        succeeded = [number for number in threads.map(promote, map(str, range(1, count + 1))) if number]
    promoter.catch_up()
    entries = promoter.history.entries()
    assert succeeded
    assert sorted(entry.change.author for entry in entries) == sorted(succeeded)
    assert [entry.change.role_epoch for entry in entries] == list(range(1, len(entries) + 1))
    assert promoter.registry.aliases()["champion"] == entries[-1].change.champion.version
