"""Loading roles: an assignment takes effect completely or not at all, and models that keep a role are not reloaded."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.errors import BundleCorruptError, BundleIncompatibleError, BundleMissingError, ModelFaultError
from schemas.manifest import MODEL_NAME
from schemas.messages import BundleRef, Challenger, Exploration, ModelUpdate, Policy
from stream.models.bundle import LoadedModel
from stream.models.bundle_store import BundleStore
from stream.models.role_loader import RoleLoader
from stream.scoring.model import ScoringModel
from tests.support.bundles import put_bundle

SHA = "0" * 64
NOWHERE = BundleRef("fraud", "99", "fraud/99", SHA)


@pytest.fixture
def refs(store: Path) -> list[BundleRef]:
    """References to four valid bundles, versions 0 to 3."""
    policies = [Policy("1", review=0.5 + version / 10, decline=0.9) for version in range(4)]
    return [put_bundle(store, str(i), bias=-4.0 + i, policy=policy) for i, policy in enumerate(policies)]


@pytest.fixture
def loader(store: Path) -> RoleLoader:
    """A loader that has not loaded anything yet."""
    return RoleLoader(BundleStore(str(store)))


def update(champion: BundleRef, *challengers: BundleRef, epoch: int = 1, **more: Any) -> ModelUpdate:
    """Return an assignment of roles."""
    shadows = tuple(Challenger(ref) for ref in challengers)
    return ModelUpdate(epoch, champion, 0, "test", challengers=shadows, **more)


def break_model(model: ScoringModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a loaded model fail its parity check."""
    assert isinstance(model, LoadedModel)
    monkeypatch.setattr(model.onnx, "score", lambda matrix: matrix[:, 0])
    with pytest.raises(ModelFaultError):
        model.check_parity()


def test_each_model_gets_its_role(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """The roles contain the champion, the challengers in order, the epoch, and the champion manifest's policy."""
    roles = loader.load(update(refs[2], refs[0], refs[1], epoch=5))
    assert roles.epoch == 5
    assert roles.champion.model.manifest.version == "2"
    assert [each.model.manifest.version for each in roles.challengers] == ["0", "1"]
    assert roles.champion.policy == Policy("1", 0.7, 0.9)


def test_the_assignment_s_policy_overrides_the_manifest_s(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """A policy in the assignment overrides the manifest's, so thresholds can change without a new model."""
    policy = Policy("stricter", 0.1, 0.2)
    assert loader.load(update(refs[0], policy=policy)).champion.policy == policy


def test_a_model_keeps_its_session_over_reassignments(loader: RoleLoader, refs: list[BundleRef], store: Path) -> None:
    """A model that keeps its role or gets another role keeps its session, and its bundle is not read again."""
    first = loader.load(update(refs[0], refs[1], refs[2]))
    shutil.rmtree(store)
    second = loader.load(update(refs[1], refs[2], refs[0], epoch=2))
    assert second.champion.model is first.challengers[0].model
    assert second.challengers[0].model is first.challengers[1].model
    assert second.challengers[1].model is first.champion.model


def test_a_model_without_a_role_is_dropped(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """A model that loses its role is dropped, and is audited again if it gets a role later."""
    first = loader.load(update(refs[0], refs[1]))
    loader.load(update(refs[0], epoch=2))
    third = loader.load(update(refs[0], refs[1], epoch=3))
    assert third.champion.model is first.champion.model
    assert third.challengers[0].model is not first.challengers[0].model


def test_all_or_nothing(loader: RoleLoader, refs: list[BundleRef], store: Path) -> None:
    """If one challenger is defective, loading the assignment fails, and the loaded models stay as they were."""
    first = loader.load(update(refs[0], refs[1], previous=refs[2]))
    with pytest.raises(BundleMissingError, match="fraud/99"):
        loader.load(update(refs[1], refs[3], NOWHERE, epoch=2, previous=refs[0]))
    (store / refs[3].path / MODEL_NAME).write_bytes(b"x")
    with pytest.raises(BundleCorruptError, match=r"model\.onnx"):
        loader.load(update(refs[3], epoch=2))
    fallback = loader.fall_back(update(refs[0], refs[1], previous=refs[2]))
    assert fallback is not None
    assert fallback.champion.model.manifest.version == "2"
    again = loader.load(update(refs[1], refs[0], epoch=2))
    assert (again.champion, again.challengers) == (first.challengers[0], (first.champion,))


@pytest.mark.parametrize("challengers", [(0,), (1, 1), (1, 2, 0)], ids=repr)
def test_a_bundle_with_one_policy_has_one_role(
    challengers: tuple[int, ...], loader: RoleLoader, refs: list[BundleRef]
) -> None:
    """An assignment that gives two roles the same bundle and policy is rejected, as they would be indistinguishable."""
    with pytest.raises(BundleIncompatibleError, match="one policy version; give each role its own policy version"):
        loader.load(update(refs[0], *(refs[i] for i in challengers)))


def test_the_champion_s_bundle_can_be_a_challenger_with_another_policy(
    loader: RoleLoader, refs: list[BundleRef]
) -> None:
    """A challenger may be the champion's bundle with other thresholds; both roles then share one session."""
    shadow = Challenger(refs[0], policy=Policy("lower", 0.1, 0.9))
    roles = loader.load(ModelUpdate(1, refs[0], 0, "test", challengers=(shadow,)))
    assert roles.challengers[0].model is roles.champion.model
    assert roles.challengers[0].policy.version == "lower"


def test_shares_exploration_and_salt_reach_the_scorer(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """The loaded roles contain the assignment's shares, exploration settings and salt."""
    half = Challenger(refs[1], "split", 0.5)
    exploration = Exploration(0.1, 1000)
    roles = loader.load(ModelUpdate(1, refs[0], 0, "test", challengers=(half,), exploration=exploration, salt="s"))
    assert (roles.challengers[0].share, roles.exploration, roles.salt) == (0.5, exploration, "s")


def test_the_previous_champion_falls_back_to_the_policy_it_had(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """A fallback to the previous champion uses the policy that it decided with, which may not be its manifest's."""
    had = Policy("had", 0.3, 0.4)
    assignment = update(refs[1], previous=refs[0], previous_policy=had)
    loader.load(assignment)
    fallback = loader.fall_back(assignment)
    assert fallback is not None
    assert fallback.champion.policy == had


def test_one_bundle_under_two_paths_is_one_bundle(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """A bundle is identified by its hash, so the same bundle cannot get two roles by being stored under two paths."""
    with pytest.raises(BundleIncompatibleError, match="two roles to one bundle with one policy version"):
        loader.load(update(refs[0], msgspec.structs.replace(refs[0], path="elsewhere/0")))


def test_a_challenger_may_be_the_previous_champion(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """The previous champion may score in shadow mode and is still ready to take over."""
    assignment = update(refs[1], refs[0], previous=refs[0])
    roles = loader.load(assignment)
    fallback = loader.fall_back(assignment)
    assert fallback is not None
    assert fallback.champion.model is roles.challengers[0].model


def test_the_previous_champion_takes_over(loader: RoleLoader, refs: list[BundleRef], store: Path) -> None:
    """The previous champion takes over from memory, with its own policy and without challengers."""
    before = loader.load(update(refs[0]))
    assignment = update(refs[1], refs[2], epoch=2, previous=refs[0], policy=Policy("of the new champion", 0.0, 0.0))
    loader.load(assignment)
    shutil.rmtree(store)
    fallback = loader.fall_back(assignment)
    assert fallback is not None
    assert fallback.champion.model is before.champion.model
    assert (fallback.epoch, fallback.challengers, fallback.champion.policy) == (2, (), before.champion.policy)


def test_without_a_previous_champion_there_is_no_fallback(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """`fall_back` returns None for the first champion, which has no predecessor."""
    loader.load(update(refs[0]))
    assert loader.fall_back(update(refs[0])) is None


def test_a_new_loader_has_no_fallback(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """`fall_back` returns None for a loader that has not loaded a previous champion."""
    assert loader.fall_back(update(refs[1], previous=refs[0])) is None


def test_a_previous_champion_at_fault_is_no_fallback(
    loader: RoleLoader, refs: list[BundleRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If both champions fail, `fall_back` returns None instead of raising."""
    before = loader.load(update(refs[0]))
    assignment = update(refs[1], epoch=2, previous=refs[0])
    loader.load(assignment)
    break_model(before.champion.model, monkeypatch)
    assert loader.fall_back(assignment) is None


def test_a_missing_previous_champion_does_not_block_a_new_one(
    loader: RoleLoader, refs: list[BundleRef], caplog: pytest.LogCaptureFixture
) -> None:
    """If the previous champion's bundle is missing, the last loaded champion is the fallback, with a warning."""
    before = loader.load(update(refs[0]))
    assignment = update(refs[1], epoch=2, previous=NOWHERE)
    assert loader.load(assignment).champion.model.manifest.version == "1"
    assert "previous champion 99 cannot be loaded as a fallback: bundle fraud/99 cannot be read" in caplog.text
    fallback = loader.fall_back(assignment)
    assert fallback is not None
    assert fallback.champion.model is before.champion.model
