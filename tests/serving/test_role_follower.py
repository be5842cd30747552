"""The role follower: which assignment it uses after a start, and which assignments it retries."""

import threading
from pathlib import Path
from unittest.mock import Mock

import pytest
from prometheus_client import CollectorRegistry

from schemas.errors import BrokerUnavailableError, ModelFaultError
from schemas.messages import BundleRef, ModelUpdate, encode
from stream.models.bundle_store import BundleStore
from stream.models.role_loader import RoleLoader
from stream.serving import role_follower as follower_module
from stream.serving.role_follower import RoleFollower
from stream.serving.role_metrics import RoleMetrics
from stream.settings import KafkaSettings, ScoringSettings
from tests.support.bundles import put_bundle


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a bundle store."""
    return tmp_path / "bundles"


@pytest.fixture
def follower(store: Path, monkeypatch: pytest.MonkeyPatch) -> RoleFollower:
    """Return a follower that retries a missing bundle without a delay."""
    monkeypatch.setattr(follower_module, "STORE_RETRY_S", 0.0)
    loader = RoleLoader(BundleStore(str(store)))
    return RoleFollower(
        KafkaSettings(),
        "model-updates",
        ScoringSettings(),
        loader,
        RoleMetrics(CollectorRegistry()),
        on_change=lambda _: None,
        on_error=lambda _: None,
    )


def update(epoch: int, champion: BundleRef) -> bytes:
    """Return an encoded assignment."""
    return encode(ModelUpdate(epoch, champion, 0, "test"))


def version(follower: RoleFollower) -> str | None:
    """Return the champion's version; None without a champion."""
    return follower.scorer.roles.champion.model.manifest.version if follower.scorer else None


def test_the_newest_valid_assignment_is_used(follower: RoleFollower, store: Path) -> None:
    """A restarted worker uses the same roles as other workers, and still shows that a newer assignment was rejected."""
    old, new = put_bundle(store, "1"), put_bundle(store, "2")
    wrong = BundleRef("fraud", "2", new.path, "0" * 64)
    follower._apply_newest([update(1, old), b"rubbish", update(2, new), update(3, wrong)])
    assert version(follower) == "2"
    assert follower.refused is not None
    assert follower.refused.startswith("roles of epoch 3 refused")


def test_there_is_no_champion_without_a_valid_assignment(follower: RoleFollower) -> None:
    """There is no champion before the first assignment, or if no assignment can be decoded."""
    follower._apply_newest([])
    assert (version(follower), follower.refused) == (None, None)
    follower._apply_newest([b"rubbish", None])
    assert version(follower) is None
    assert follower.refused is not None


def test_the_newest_assignment_with_a_missing_bundle_is_retried(follower: RoleFollower, store: Path) -> None:
    """If the store is unavailable at the start, the newest assignment is retried, not the oldest."""
    refs = [put_bundle(store, number) for number in "12"]
    moved = store.rename(store.with_name("moved"))
    follower._apply_newest([update(1, refs[0]), update(2, refs[1])])
    assert version(follower) is None
    moved.rename(store)
    follower._try_again()
    assert version(follower) == "2"
    assert follower.refused is None


def test_an_older_champion_decides_until_the_missing_bundle_is_there(follower: RoleFollower, store: Path) -> None:
    """The newest assignment is applied as soon as its bundle can be fetched."""
    old, new = put_bundle(store, "1"), put_bundle(store, "2")
    moved = (store / new.path).rename(store / "moved")
    follower._apply_newest([update(1, old), update(2, new)])
    assert version(follower) == "1"
    moved.rename(store / new.path)
    follower._try_again()
    assert version(follower) == "2"


def test_an_older_epoch_is_ignored(follower: RoleFollower, store: Path) -> None:
    """An assignment with an older epoch is ignored, in whatever order the messages arrive."""
    old, new = put_bundle(store, "1"), put_bundle(store, "2")
    follower._apply(update(2, new))
    follower._apply(update(1, old))
    assert version(follower) == "2"


def test_a_demotion_does_not_undo_a_new_champion(
    follower: RoleFollower, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a new champion arrives while a failing champion is demoted, the new champion decides in the end."""
    old, new = put_bundle(store, "1"), put_bundle(store, "2")
    follower._apply(update(1, old))
    failing = follower.scorer
    assert failing is not None
    started, proceed = threading.Event(), threading.Event()

    def fall_back_slowly(_: ModelUpdate) -> None:
        started.set()
        proceed.wait(10)

    monkeypatch.setattr(follower._loader, "fall_back", fall_back_slowly)
    demotion = threading.Thread(target=lambda: follower.demote(failing, ModelFaultError("made to fail")))
    demotion.start()
    assert started.wait(10)
    arrival = threading.Thread(target=lambda: follower._apply(update(2, new)))
    arrival.start()
    proceed.set()
    demotion.join()
    arrival.join()
    assert version(follower) == "2"


def test_a_retried_older_assignment_does_not_hide_a_newer_refusal(follower: RoleFollower, store: Path) -> None:
    """If epoch 2 is applied after epoch 3 was rejected, its champion decides, and the rejection is still shown."""
    old, late = put_bundle(store, "1"), put_bundle(store, "2")
    follower._apply(update(1, old))
    moved = (store / late.path).rename(store / "moved")
    follower._apply(update(2, late))
    follower._apply(update(3, BundleRef("fraud", "1", old.path, "0" * 64)))
    moved.rename(store / late.path)
    follower._try_again()
    assert version(follower) == "2"
    assert follower.refused is not None
    assert follower.refused.startswith("roles of epoch 3 refused")


def test_a_champion_that_was_replaced_is_not_demoted(follower: RoleFollower, store: Path) -> None:
    """The fault of a scorer that has been replaced in the meantime says nothing about the new champion."""
    old, new = put_bundle(store, "1"), put_bundle(store, "2")
    follower._apply(update(1, old))
    failing = follower.scorer
    assert failing is not None
    follower._apply(update(2, new))
    follower.demote(failing, ModelFaultError("made to fail"))
    assert version(follower) == "2"
    assert follower.refused is None


def test_an_error_that_ends_the_follower_ends_the_program(
    follower: RoleFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its thread, a program would decide with the same champion forever. The reader is fake."""
    lost = BrokerUnavailableError("made to fail")
    reader = Mock(history=Mock(side_effect=lost))
    monkeypatch.setattr(follower_module, "TopicReader", lambda *_: reader)
    errors: list[BaseException] = []
    monkeypatch.setattr(follower, "_on_error", errors.append)
    with follower:
        pass
    assert errors == [lost]
    reader.close.assert_called_once()
