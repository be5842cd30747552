"""Manifests are looked up on the control topic and read once; a missing bundle is logged once."""

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
from stream.settings import KafkaSettings, TopicSettings
from tests.support.bundles import put_bundle


def counts_of(ref: BundleRef) -> DriftCounts:
    """Return drift counts that belong to a bundle."""
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
    """Return a directory for bundles."""
    return tmp_path / "bundles"


def make_manifests(store: Path, monkeypatch: pytest.MonkeyPatch, *refs: BundleRef) -> Manifests:
    """Return a manifest reader for a control topic on which each of these bundles in turn was champion."""
    updates = [ModelUpdate(epoch, ref, 0, "test") for epoch, ref in enumerate(refs, start=1)]
    monkeypatch.setattr(manifests, "all_roles", lambda *_: updates)
    return Manifests(KafkaSettings(), TopicSettings(), BundleStore(str(store)))


def test_a_bundle_that_had_a_role_has_a_manifest(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that no longer has a role still has its manifest."""
    refs = [put_bundle(store, version) for version in "12"]
    read = [make_manifests(store, monkeypatch, *refs).of(counts_of(ref)) for ref in refs]
    assert [each.version if each else None for each in read] == ["1", "2"]


@pytest.mark.parametrize("case", ["never had a role", "deleted", "changed"])
def test_a_missing_bundle_is_logged_once(
    store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    """A missing bundle is logged in one line, however many of its counts arrive."""
    ref = put_bundle(store, "1")
    reader = make_manifests(store, monkeypatch, *([] if case == "never had a role" else [ref]))
    if case == "deleted":
        BundleStore(str(store)).discard(ref.path)
    if case == "changed":
        (store / ref.path / MANIFEST_NAME).write_bytes(b"{}")
    with caplog.at_level(logging.WARNING):
        assert [reader.of(counts_of(ref)) for _ in range(3)] == [None] * 3
        monkeypatch.setattr(manifests, "MISSING_S", 0.0)
        reader._missing = dict.fromkeys(reader._missing, 0.0)
        assert reader.of(counts_of(ref)) is None
    (line,) = caplog.messages
    assert "model fraud 1 is not monitored" in line


def test_an_unavailable_store_is_tried_again(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that exists but cannot be read does not count as missing."""
    ref = put_bundle(store, "1")
    reader = make_manifests(store, monkeypatch, ref)

    def fail(*_: object) -> None:
        raise BundleMissingError("made to fail")

    with monkeypatch.context() as broken:
        broken.setattr(BundleStore, "fetch", fail)
        with pytest.raises(BundleMissingError):
            reader.of(counts_of(ref))
    assert reader.of(counts_of(ref)) is not None
