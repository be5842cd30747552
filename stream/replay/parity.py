"""Compares a challenger's live shadow scores with offline scores of the same transactions."""

import math
from itertools import chain

import msgspec

from schemas.messages import BundleRef, ShadowScore
from stream.kafka.topic_range import TopicRange, read_range
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from stream.replay.rescore import SourcePosition, rescore, sole_scorer
from stream.scoring.decision_id import parse_decision_id
from stream.settings import Settings

#: Length of the window whose transactions are scored again, in milliseconds.
WINDOW_MS = 60_000
#: Maximum number of transactions that are scored again.
MAX_TRANSACTIONS = 2_000

_decode = msgspec.json.Decoder(ShadowScore).decode


def parity_gap(settings: Settings, challenger: BundleRef, until_ms: int) -> float:
    """Return the largest difference between live shadow scores and offline scores of the same transactions.

    Args:
        settings: Settings for the Kafka connection, the topic names and the bundle store.
        challenger: Bundle whose shadow scores are compared.
        until_ms: End of the window, UTC milliseconds of Kafka's message timestamps.

    Returns:
        The largest absolute difference; NaN if the window contains no shadow score from the challenger.

    Raises:
        KafkaError: If no broker responds, or a topic is missing.
        BundleError: If the bundle is no longer in the store.
    """
    span = TopicRange(until_ms - WINDOW_MS, until_ms)
    live = _live_scores(settings, challenger.sha256, span)
    if not live:
        return math.nan
    scorer = sole_scorer(read_bundle(BundleStore(settings.bundle.store), challenger), settings.scoring)
    gap = math.nan
    for batch in chain.from_iterable(read_range(settings.kafka, topic, span) for topic in settings.topic.decided):
        positions = zip(batch.partitions, batch.offsets, strict=True)
        compared = [i for i, (partition, offset) in enumerate(positions) if (batch.topic, partition, offset) in live]
        for decision in rescore(scorer, batch.take(compared)).decisions:
            position = (decision.source_topic, decision.source_partition, decision.source_offset)
            difference = abs(decision.score - live[position])
            gap = difference if math.isnan(gap) else max(gap, difference)
    return gap


def _live_scores(settings: Settings, sha256: str, span: TopicRange) -> dict[SourcePosition, float]:
    scores: dict[SourcePosition, float] = {}
    for batch in read_range(settings.kafka, settings.topic.shadow_scores, span):
        for value in batch.values:
            shadow = _decode(value or b"")
            if shadow.bundle_sha256 != sha256 or shadow.score is None or len(scores) >= MAX_TRANSACTIONS:
                continue
            if source := parse_decision_id(shadow.decision_id):
                scores[source.topic, source.partition, source.offset] = shadow.score
    return scores
