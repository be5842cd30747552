"""Sample topics of drift counts, and mergers that read them."""

import random
from collections.abc import Iterable, Sequence
from typing import Any

from schemas.manifest import Manifest
from schemas.messages import DriftCounts, DriftReport
from stream.drift.alarm_rule import DriftLimits
from stream.drift.counts_merger import CountsMerger
from tests.drift.sample_bundle import limits, manifest, sha, stream

LIMITS = limits()
BUNDLES = {sha(version): manifest(version) for version in ("1", "2", "3")}


class RefusedReasons(list[str]):
    """The reasons for which a merger rejected counts."""

    def __call__(self, _: DriftCounts, reason: str) -> None:
        """Record the reason for which counts were rejected."""
        self.append(reason)


def load_manifest(message: DriftCounts) -> Manifest | None:
    """Return the manifest of a bundle in `BUNDLES`."""
    return BUNDLES.get(message.bundle_sha256)


def new_merger(refused: RefusedReasons | None = None, drift_limits: DriftLimits = LIMITS) -> CountsMerger:
    """Return a merger that has not read any messages."""
    return CountsMerger(load_manifest, drift_limits, RefusedReasons() if refused is None else refused)


def merged(messages: Iterable[DriftCounts], merger: CountsMerger | None = None, start: int = 0) -> list[DriftReport]:
    """Return all reports that a merger makes from these messages, reading from offset `start` on."""
    merger = merger or new_merger()
    return [
        report for offset, message in enumerate(messages) if offset >= start for report in merger.add(offset, message)
    ]


def counts_of_model(version: str, messages: int, seed: int = 1, **changed: Any) -> list[DriftCounts]:
    """Return messages with the counts of one model."""
    return list(stream(messages, seed, manifest=BUNDLES[sha(version)], **changed))


def interleaved(lists: Sequence[list[DriftCounts]], seed: int) -> list[DriftCounts]:
    """Return a topic that interleaves the messages of several models at random and keeps each model's order."""
    waiting, rng = [list(each) for each in lists], random.Random(seed)  # noqa: S311 - not a secret
    topic = []
    while any(waiting):
        topic.append(rng.choice([each for each in waiting if each]).pop(0))
    return topic
