"""Following `model-updates`: which assignment holds at a start, and what is tried again."""

import threading
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from schemas.errors import ModelFaultError
from schemas.messages import BundleRef, ModelUpdate, encode
from stream.models.bundle_store import BundleStore
from stream.models.role_loader import RoleLoader
from stream.serving import role_follower as follower_module
from stream.serving.role_follower import RoleFollower
from stream.serving.role_metrics import RoleMetrics
from stream.settings import Settings
from tests.support.bundles import put_bundle


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A bundle store."""
    return tmp_path / "bundles"


@pytest.fixture
def follower(store: Path, monkeypatch: pytest.MonkeyPatch) -> RoleFollower:
    """A follower that tries a missing bundle again at once."""
    monkeypatch.setattr(follower_module, "STORE_RETRY_S", 0.0)
    loader = RoleLoader(BundleStore(str(store)))
    return RoleFollower(
        Settings(), loader, RoleMetrics(CollectorRegistry()), on_change=lambda _: None, on_error=lambda _: None
    )


def update(epoch: int, champion: BundleRef) -> bytes:
    """Return an assignment as it stands on the topic."""
    return encode(ModelUpdate(epoch, champion, 0, "test"))


def version(follower: RoleFollower) -> str | None:
    """Return who decides."""
    return follower.scorer.roles.champion.model.manifest.version if follower.scorer else None


def test_the_newest_sound_assignment_holds(follower: RoleFollower, store: Path) -> None:
    """A worker that starts ends up where its siblings are: the newest that holds, with the refusal still shown."""
    old, new = put_bundle(store, "1"), put_bundle(store, "2")
    wrong = BundleRef("fraud", "2", new.path, "0" * 64)
    follower._take_newest([update(1, old), b"rubbish", update(2, new), update(3, wrong)])
    assert version(follower) == "2"
    assert follower.refused is not None
    assert follower.refused.startswith("roles of epoch 3 refused")


def test_nothing_holds(follower: RoleFollower) -> None:
    """Nobody decides before the first assignment, and after nothing but unreadable ones."""
    follower._take_newest([])
    assert (version(follower), follower.refused) == (None, None)
    follower._take_newest([b"rubbish", None])
    assert version(follower) is None
    assert follower.refused is not None


def test_a_missing_bundle_is_tried_again_the_newest_first(follower: RoleFollower, store: Path) -> None:
    """With the whole store away at a start, the newest assignment is the one tried again, not the oldest."""
    refs = [put_bundle(store, number) for number in "12"]
    away = store.rename(store.with_name("away"))
    follower._take_newest([update(1, refs[0]), update(2, refs[1])])
    assert version(follower) is None
    away.rename(store)
    follower._try_again()
    assert version(follower) == "2"
    assert follower.refused is None


def test_a_missing_newest_bundle_is_tried_again_beside_an_older_one(follower: RoleFollower, store: Path) -> None:
    """An older champion decides while the newest one's bundle is away, and makes way for it."""
    old, new = put_bundle(store, "1"), put_bundle(store, "2")
    away = (store / new.path).rename(store / "away")
    follower._take_newest([update(1, old), update(2, new)])
    assert version(follower) == "1"
    away.rename(store / new.path)
    follower._try_again()
    assert version(follower) == "2"


def test_an_older_epoch_is_ignored(follower: RoleFollower, store: Path) -> None:
    """Epochs only rise, whatever order a writer's messages come in."""
    old, new = put_bundle(store, "1"), put_bundle(store, "2")
    follower._take(update(2, new))
    follower._take(update(1, old))
    assert version(follower) == "2"


def test_a_demotion_does_not_undo_a_new_champion(
    follower: RoleFollower, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a failing champion is being demoted, the next one may arrive: that one decides in the end."""
    old, new = put_bundle(store, "1"), put_bundle(store, "2")
    follower._take(update(1, old))
    failing = follower.scorer
    assert failing is not None
    looking, go_on = threading.Event(), threading.Event()

    def look_slowly(_: ModelUpdate) -> None:
        looking.set()
        go_on.wait(10)

    monkeypatch.setattr(follower._loader, "fall_back", look_slowly)
    demotion = threading.Thread(target=lambda: follower.demote(failing, ModelFaultError("made to fail")))
    demotion.start()
    assert looking.wait(10)
    arrival = threading.Thread(target=lambda: follower._take(update(2, new)))
    arrival.start()
    go_on.set()
    demotion.join()
    arrival.join()
    assert version(follower) == "2"


def test_an_older_assignment_tried_again_does_not_hide_a_newer_refusal(follower: RoleFollower, store: Path) -> None:
    """Epoch 2 comes in late, when 3 was refused already: it decides, and the refusal of 3 is still shown."""
    old, late = put_bundle(store, "1"), put_bundle(store, "2")
    follower._take(update(1, old))
    away = (store / late.path).rename(store / "away")
    follower._take(update(2, late))
    follower._take(update(3, BundleRef("fraud", "1", old.path, "0" * 64)))
    away.rename(store / late.path)
    follower._try_again()
    assert version(follower) == "2"
    assert follower.refused is not None
    assert follower.refused.startswith("roles of epoch 3 refused")
