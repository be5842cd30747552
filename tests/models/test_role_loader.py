"""Roles: an assignment takes effect whole or not at all, and a model that stays keeps its session."""

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
    """Four sound bundles, versions 0 to 3."""
    policies = [Policy("1", review=0.5 + version / 10, decline=0.9) for version in range(4)]
    return [put_bundle(store, str(i), bias=-4.0 + i, policy=policy) for i, policy in enumerate(policies)]


@pytest.fixture
def loader(store: Path) -> RoleLoader:
    """A loader that has loaded nothing yet."""
    return RoleLoader(BundleStore(str(store)))


def update(champion: BundleRef, *challengers: BundleRef, epoch: int = 1, **more: Any) -> ModelUpdate:
    """Return an assignment of roles."""
    watching = tuple(Challenger(ref) for ref in challengers)
    return ModelUpdate(epoch, champion, 0, "test", challengers=watching, **more)


def break_model(model: ScoringModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a loaded model give other scores than it promises."""
    assert isinstance(model, LoadedModel)
    monkeypatch.setattr(model.onnx, "score", lambda matrix: matrix[:, 0])
    with pytest.raises(ModelFaultError):
        model.check_parity()


def test_each_model_holds_the_role_it_is_given(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """The champion, the challengers in order, the epoch, and the champion's own policy."""
    roles = loader.load(update(refs[2], refs[0], refs[1], epoch=5))
    assert roles.epoch == 5
    assert roles.champion.model.manifest.version == "2"
    assert [player.model.manifest.version for player in roles.challengers] == ["0", "1"]
    assert roles.champion.policy == Policy("1", 0.7, 0.9)


def test_an_assignment_s_policy_goes_before_the_manifest_s(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """Thresholds can change without a new model."""
    policy = Policy("stricter", 0.1, 0.2)
    assert loader.load(update(refs[0], policy=policy)).champion.policy == policy


def test_a_model_keeps_its_session_over_reassignments(loader: RoleLoader, refs: list[BundleRef], store: Path) -> None:
    """In its role or in another; its bundle is not even looked at again."""
    first = loader.load(update(refs[0], refs[1], refs[2]))
    shutil.rmtree(store)
    second = loader.load(update(refs[1], refs[2], refs[0], epoch=2))
    assert second.champion.model is first.challengers[0].model
    assert second.challengers[0].model is first.challengers[1].model
    assert second.challengers[1].model is first.champion.model


def test_a_model_without_a_role_is_let_go(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """Memory holds what has a role; whoever comes back is audited again."""
    first = loader.load(update(refs[0], refs[1]))
    loader.load(update(refs[0], epoch=2))
    third = loader.load(update(refs[0], refs[1], epoch=3))
    assert third.champion.model is first.champion.model
    assert third.challengers[0].model is not first.challengers[0].model


def test_all_or_nothing(loader: RoleLoader, refs: list[BundleRef], store: Path) -> None:
    """One bad challenger refuses the assignment, and what was loaded stays as it was."""
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
def test_a_bundle_with_its_policy_has_one_role(
    challengers: tuple[int, ...], loader: RoleLoader, refs: list[BundleRef]
) -> None:
    """A model beside itself would be two roles' figures under one hash."""
    with pytest.raises(BundleIncompatibleError, match="one policy version in two roles; give each its own"):
        loader.load(update(refs[0], *(refs[i] for i in challengers)))


def test_another_policy_makes_a_champion_s_bundle_its_own_challenger(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """Thresholds are tried out like models; one session serves both."""
    watching = Challenger(refs[0], policy=Policy("lower", 0.1, 0.9))
    roles = loader.load(ModelUpdate(1, refs[0], 0, "test", challengers=(watching,)))
    assert roles.challengers[0].model is roles.champion.model
    assert roles.challengers[0].policy.version == "lower"


def test_shares_exploration_and_salt_reach_the_scorer(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """As they were written."""
    half = Challenger(refs[1], "split", 0.5)
    exploration = Exploration(0.1, 1000)
    roles = loader.load(ModelUpdate(1, refs[0], 0, "test", challengers=(half,), exploration=exploration, salt="s"))
    assert (roles.challengers[0].share, roles.exploration, roles.salt) == (0.5, exploration, "s")


def test_the_previous_champion_decides_with_the_policy_it_had(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """Where it was not its manifest's."""
    had = Policy("had", 0.3, 0.4)
    assignment = update(refs[1], previous=refs[0], previous_policy=had)
    loader.load(assignment)
    fallback = loader.fall_back(assignment)
    assert fallback is not None
    assert fallback.champion.policy == had


def test_one_bundle_under_two_paths_is_still_one(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """What a bundle is, its hash says."""
    with pytest.raises(BundleIncompatibleError, match="one policy version in two roles"):
        loader.load(update(refs[0], msgspec.structs.replace(refs[0], path="elsewhere/0")))


def test_a_challenger_may_be_the_previous_champion(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """It watches, and would decide again."""
    assignment = update(refs[1], refs[0], previous=refs[0])
    roles = loader.load(assignment)
    fallback = loader.fall_back(assignment)
    assert fallback is not None
    assert fallback.champion.model is roles.challengers[0].model


def test_the_previous_champion_decides_again(loader: RoleLoader, refs: list[BundleRef], store: Path) -> None:
    """At once, from memory, with its own policy, alone."""
    before = loader.load(update(refs[0]))
    assignment = update(refs[1], refs[2], epoch=2, previous=refs[0], policy=Policy("for the new one", 0.0, 0.0))
    loader.load(assignment)
    shutil.rmtree(store)
    fallback = loader.fall_back(assignment)
    assert fallback is not None
    assert fallback.champion.model is before.champion.model
    assert (fallback.epoch, fallback.challengers, fallback.champion.policy) == (2, (), before.champion.policy)


def test_without_a_previous_champion_nobody_decides(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """The first champion has none."""
    loader.load(update(refs[0]))
    assert loader.fall_back(update(refs[0])) is None


def test_nothing_loaded_is_nothing_to_fall_back_to(loader: RoleLoader, refs: list[BundleRef]) -> None:
    """A loader that has loaded nothing has nobody standing by."""
    assert loader.fall_back(update(refs[1], previous=refs[0])) is None


def test_a_previous_champion_at_fault_does_not_decide_either(
    loader: RoleLoader, refs: list[BundleRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both fail: nobody decides, and that is no error of its own."""
    before = loader.load(update(refs[0]))
    assignment = update(refs[1], epoch=2, previous=refs[0])
    loader.load(assignment)
    break_model(before.champion.model, monkeypatch)
    assert loader.fall_back(assignment) is None


def test_a_previous_champion_that_is_gone_keeps_no_new_one_away(
    loader: RoleLoader, refs: list[BundleRef], caplog: pytest.LogCaptureFixture
) -> None:
    """The champion until now stands by in its place, and the log says so."""
    before = loader.load(update(refs[0]))
    assignment = update(refs[1], epoch=2, previous=NOWHERE)
    assert loader.load(assignment).champion.model.manifest.version == "1"
    assert "previous champion 99 cannot stand by: bundle fraud/99 cannot be read" in caplog.text
    fallback = loader.fall_back(assignment)
    assert fallback is not None
    assert fallback.champion.model is before.champion.model
