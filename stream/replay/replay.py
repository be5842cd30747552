"""Replays a slice of the transactions topic through a scorer and compares the decisions. Writes to no topic."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import chain

import msgspec

from schemas.messages import Decision
from stream.control.role_reader import all_roles
from stream.kafka.topic_range import TopicRange, read_range
from stream.models.bundle import LoadedModel
from stream.replay.difference import differences
from stream.replay.report import ReplayReport, ReportBuilder
from stream.replay.rescore import HistoricalScorers, SourcePosition, rescore, sole_scorer
from stream.scoring.raw_batch import RawBatch
from stream.scoring.scorer import Scorer
from stream.settings import Settings

#: Fields compared if one model decides everything: such a model has no arms, and its names differ anyway.
_COMPARED_FOR_A_MODEL = ("verdict", "score")

_decode = msgspec.json.Decoder(Decision).decode


def replay(
    settings: Settings,
    span: TopicRange,
    model: LoadedModel | None,
    *,
    on_difference: Callable[[bytes], None],
    on_progress: Callable[[int], None],
) -> ReplayReport:
    """Score a slice of history again and compare the decisions.

    Args:
        settings: Settings for the Kafka connection, the topic names, the bundle store and the scoring limits.
        span: Time range to replay, on both transactions topics. Its decisions are kept in memory, about 1 KB each.
        model: Model to decide everything by its own policy, in which case only verdicts are compared; None to use the
            historical roles and compare every field except those of the envelope.
        on_difference: Called with each decision that differs, as one line of JSON.
        on_progress: Called with the number of transactions scored so far.

    Raises:
        KafkaError: If no broker responds, or a topic is missing.
        RolesError: If the roles in a decision's epoch are unknown.
        BundleError: If a bundle that decided in one of these epochs is no longer in the store.
    """
    decided = _decisions(settings, span)
    report = ReplayReport(f"{model.manifest.name} {model.manifest.version}" if model else None)
    builder = ReportBuilder(report, on_difference)
    scorer_of = _scorers(settings, model)
    for batch in chain.from_iterable(read_range(settings.kafka, topic, span) for topic in settings.topic.decided):
        report.transactions += len(batch.values)
        for scorer, part, then in _by_scorer(batch, decided, scorer_of):
            _compare(scorer, part, then, builder, only=_COMPARED_FOR_A_MODEL if model else ())
        report.without_decision = report.transactions - report.same - report.different - report.refused
        on_progress(report.transactions)
    return report


def _decisions(settings: Settings, span: TopicRange) -> dict[SourcePosition, bytes]:
    """Return the decisions on a slice's transactions, by source position, including decisions made after its end."""
    decisions = {}
    for batch in read_range(settings.kafka, settings.topic.decisions, TopicRange(span.start_ms, None)):
        for value in batch.values:
            decision = _decode(value or b"")
            decisions[decision.source_topic, decision.source_partition, decision.source_offset] = value or b""
    return decisions


def _scorers(settings: Settings, model: LoadedModel | None) -> Callable[[Decision], Scorer]:
    if model is not None:
        scorer = sole_scorer(model, settings.scoring)
        return lambda _: scorer
    updates = all_roles(settings.kafka, settings.topic)
    return HistoricalScorers(settings, {update.epoch: update for update in updates}).scorer_of


def _by_scorer(
    batch: RawBatch, decided: Mapping[SourcePosition, bytes], scorer_of: Callable[[Decision], Scorer]
) -> Iterator[tuple[Scorer, RawBatch, list[Decision]]]:
    """Yield a batch's decided transactions with their decisions, grouped by the scorer that will score them again."""
    groups: dict[Scorer, tuple[list[int], list[Decision]]] = defaultdict(lambda: ([], []))
    for index, (partition, offset) in enumerate(zip(batch.partitions, batch.offsets, strict=True)):
        if (raw := decided.get((batch.topic, partition, offset))) is not None:
            then = _decode(raw)
            indices, decisions = groups[scorer_of(then)]
            indices.append(index)
            decisions.append(then)
    for scorer, (indices, decisions) in groups.items():
        yield scorer, batch.take(indices), decisions


def _compare(
    scorer: Scorer, part: RawBatch, then: list[Decision], builder: ReportBuilder, only: tuple[str, ...]
) -> None:
    scored = rescore(scorer, part)
    refused = {refusal.index: refusal.detail for refusal in scored.refusals}
    now = iter(scored.decisions)
    for index, before in enumerate(then):
        if index in refused:
            builder.refused(before, refused[index])
            continue
        after = next(now)
        fields = differences(before, after)
        if only:
            fields = {name: fields[name] for name in only if name in fields} if "verdict" in fields else {}
        builder.decided(before, after, fields)
