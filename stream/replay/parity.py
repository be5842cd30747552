"""Whether a challenger's live scores are its own: the newest ones scored again offline."""

import math
from itertools import chain, repeat

import msgspec

from schemas.messages import BundleRef, ShadowScore
from stream.kafka.topic_range import Span, read_span
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
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
    scorer = alone(read_bundle(BundleStore(settings.bundle.store), challenger), settings)
    gap = math.nan
    for incoming in chain.from_iterable(read_span(settings.kafka, topic, span) for topic in settings.topic.decided):
        places = zip(repeat(incoming.topic), incoming.partitions, incoming.offsets)
        wanted = [index for index, place in enumerate(places) if place in live]
        for decision in rescore(scorer, incoming.take(wanted)).decisions:
            place = (decision.source_topic, decision.source_partition, decision.source_offset)
            apart = abs(decision.score - live[place])
            gap = apart if math.isnan(gap) else max(gap, apart)
    return gap


def _live(settings: Settings, sha256: str, span: Span) -> dict[tuple[str, int, int], float]:
    found: dict[tuple[str, int, int], float] = {}
    for batch in read_span(settings.kafka, settings.topic.shadow_scores, span):
        for value in batch.values:
            shadow = _decode(value or b"")
            if shadow.bundle_sha256 == sha256 and shadow.score is not None and len(found) < MOST:
                topic, partition, offset = shadow.decision_id.rpartition("@")[0].rsplit("/", 2)
                found[topic, int(partition), int(offset)] = shadow.score
    return found
