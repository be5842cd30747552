"""The manifest that counts are judged by: found on the control topic, read once, and missed aloud but once."""

import logging
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import BundleMissingError
from schemas.manifest import MANIFEST_NAME
from schemas.messages import BundleRef, DriftCounts, ModelUpdate
from stream.control import manifests
from stream.control.manifests import Manifests
from stream.models.bundle_store import BundleStore
from stream.settings import Settings
from tests.support.bundles import put_bundle


def counts_of(ref: BundleRef) -> DriftCounts:
    """Return some counts of a bundle."""
    facts: dict[str, Any] = {"slot": "0", "instance": "i", "sequence": 1, "decides": True, "pane_ms": None, "rows": 0}
    sums: dict[str, Any] = {"features": {}, "scores": (), "reviews": 0, "declines": 0, "written_at_ms": 0}
    return DriftCounts(
        name=ref.name,
        version=ref.version,
        bundle_sha256=ref.sha256,
        score_sum=0.0,
        alert_score_sum=0.0,
        event_times={},
        **facts,
        **sums,
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A folder for bundles."""
    return tmp_path / "bundles"


def made(store: Path, monkeypatch: pytest.MonkeyPatch, *refs: BundleRef) -> Manifests:
    """Return a reader for whom these bundles were champions, one after the other."""
    updates = [ModelUpdate(epoch, ref, 0, "test") for epoch, ref in enumerate(refs, start=1)]
    monkeypatch.setattr(manifests, "all_roles", lambda _: updates)
    return Manifests(Settings(), BundleStore(str(store)))


def test_a_bundle_that_had_a_role_is_found(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that has none any more."""
    refs = [put_bundle(store, version) for version in "12"]
    found = [made(store, monkeypatch, *refs).of(counts_of(ref)) for ref in refs]
    assert [each.version if each else None for each in found] == ["1", "2"]


@pytest.mark.parametrize("fate", ["never had a role", "deleted", "changed"])
def test_one_that_is_gone_is_said_once(
    store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fate: str
) -> None:
    """However many counts come of it."""
    ref = put_bundle(store, "1")
    known = made(store, monkeypatch, *([] if fate == "never had a role" else [ref]))
    if fate == "deleted":
        BundleStore(str(store)).discard(ref.path)
    if fate == "changed":
        (store / ref.path / MANIFEST_NAME).write_bytes(b"{}")
    with caplog.at_level(logging.WARNING):
        assert [known.of(counts_of(ref)) for _ in range(3)] == [None] * 3
        monkeypatch.setattr(manifests, "GONE_S", 0.0)
        known._gone = dict.fromkeys(known._gone, 0.0)
        assert known.of(counts_of(ref)) is None
    (line,) = caplog.messages
    assert "model fraud 1 is not watched" in line


def test_a_store_that_does_not_answer_is_asked_again(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundle is there and cannot be read: that is no loss yet."""
    ref = put_bundle(store, "1")
    known = made(store, monkeypatch, ref)

    def away(*_: object) -> None:
        raise BundleMissingError("made to fail")

    with monkeypatch.context() as broken:
        broken.setattr(BundleStore, "fetch", away)
        with pytest.raises(BundleMissingError):
            known.of(counts_of(ref))
    assert known.of(counts_of(ref)) is not None
