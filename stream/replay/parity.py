"""Whether a challenger's live scores are its own: the newest ones scored again offline."""

import math

import msgspec

from schemas.messages import BundleRef, ShadowScore
from stream.kafka.span import Span, read_span
from stream.models.bundle import read_bundle
from stream.models.store import BundleStore
from stream.replay.rescore import alone, rescore
from stream.settings import Settings

#: Milliseconds of transactions that are scored again.
WINDOW_MS = 60_000
#: And of them, as many as this.
MOST = 2_000

_decode = msgspec.json.Decoder(ShadowScore).decode


def parity_gap(settings: Settings, challenger: BundleRef, until_ms: int) -> float:
    """Return the largest difference between live shadow scores and the same transactions scored again; NaN without any.

    Args:
        settings: Where transactions, shadow scores and bundles are.
        challenger: Whose scores.
        until_ms: The window's end, UTC milliseconds of Kafka's timestamps.

    Raises:
        KafkaError: If no broker answers, or a topic is not there.
        BundleError: If the bundle is there no more.
    """
    span = Span(until_ms - WINDOW_MS, until_ms)
    live = _live(settings, challenger.sha256, span)
    if not live:
        return math.nan
    scorer = alone(read_bundle(BundleStore(settings.bundle_store), challenger), settings)
    gap = math.nan
    for incoming in read_span(settings, settings.topic_transactions, span):
        places = zip(incoming.partitions, incoming.offsets, strict=True)
        wanted = [index for index, place in enumerate(places) if place in live]
        for decision in rescore(scorer, incoming.at(wanted)).decisions:
            apart = abs(decision.score - live[decision.source_partition, decision.source_offset])
            gap = apart if math.isnan(gap) else max(gap, apart)
    return gap


def _live(settings: Settings, sha256: str, span: Span) -> dict[tuple[int, int], float]:
    found: dict[tuple[int, int], float] = {}
    for batch in read_span(settings, settings.topic_shadow_scores, span):
        for value in batch.values:
            shadow = _decode(value or b"")
            if shadow.bundle_sha256 == sha256 and shadow.score is not None and len(found) < MOST:
                place = shadow.decision_id.rpartition("@")[0].split("/")
                found[int(place[-2]), int(place[-1])] = shadow.score
    return found
