"""A slice of the transactions topic through a scorer again, beside what was decided. No live topic is written."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, repeat

import msgspec

from schemas.messages import Decision
from stream.control.role_reader import all_roles
from stream.kafka.topic_range import Span, read_span
from stream.models.bundle import LoadedModel
from stream.replay.difference import differences
from stream.replay.report import ReplayReport, Tally
from stream.replay.rescore import RolesOfThen, alone, rescore
from stream.scoring.raw_batch import RawBatch
from stream.scoring.scorer import Scorer
from stream.settings import Settings

#: Topic, partition and offset of a transaction.
Place = tuple[str, int, int]
#: Of what a model alone would do, this matters: it has no arms, and its names differ anyway.
_OF_A_MODEL = ("verdict", "score")

_decode = msgspec.json.Decoder(Decision).decode


def replay(
    settings: Settings,
    span: Span,
    model: LoadedModel | None,
    *,
    on_difference: Callable[[bytes], None],
    on_step: Callable[[int], None],
) -> ReplayReport:
    """Score a slice again.

    Args:
        settings: Where the transactions, decisions, roles and bundles are.
        span: Of both topics of transactions. Their decisions are kept in memory meanwhile, about 1 KB each.
        model: Decides everything, by its own policy, and only verdicts are compared; None: the roles of then, and
            every field but the clock's is compared.
        on_difference: Told each decision that would be another, as one line of JSON.
        on_step: Told how many transactions were scored.

    Raises:
        KafkaError: If no broker answers, or a topic is not there.
        RolesError: If the roles of then are not known.
        BundleError: If a bundle of then is there no more.
    """
    decided = _decisions(settings, span)
    report = ReplayReport(f"{model.manifest.name} {model.manifest.version}" if model else None)
    tally = Tally(report, on_difference)
    scorer_of = _scorers(settings, model)
    for incoming in chain.from_iterable(read_span(settings.kafka, topic, span) for topic in settings.topic.decided):
        report.transactions += len(incoming.values)
        for scorer, part, then in _parts(incoming, decided, scorer_of):
            _compare(scorer, part, then, tally, only=_OF_A_MODEL if model else ())
        report.without_decision = report.transactions - report.same - report.different - report.refused
        on_step(report.transactions)
    return report


def _decisions(settings: Settings, span: Span) -> dict[Place, bytes]:
    """Return the slice's decisions by the place of their transaction; a transaction is decided after it was sent."""
    found = {}
    for batch in read_span(settings.kafka, settings.topic.decisions, Span(span.start_ms, None)):
        for value in batch.values:
            decision = _decode(value or b"")
            found[decision.source_topic, decision.source_partition, decision.source_offset] = value or b""
    return found


def _scorers(settings: Settings, model: LoadedModel | None) -> Callable[[Decision], Scorer]:
    if model is not None:
        scorer = alone(model, settings)
        return lambda _: scorer
    return RolesOfThen(settings, {update.epoch: update for update in all_roles(settings)}).scorer_of


def _parts(
    incoming: RawBatch, decided: Mapping[Place, bytes], scorer_of: Callable[[Decision], Scorer]
) -> Iterator[tuple[Scorer, RawBatch, list[Decision]]]:
    """Yield the transactions that were decided, by the scorer that scores them again."""
    groups: dict[Scorer, tuple[list[int], list[Decision]]] = defaultdict(lambda: ([], []))
    for index, place in enumerate(zip(repeat(incoming.topic), incoming.partitions, incoming.offsets)):
        if (raw := decided.get(place)) is not None:
            then = _decode(raw)
            indices, decisions = groups[scorer_of(then)]
            indices.append(index)
            decisions.append(then)
    for scorer, (indices, decisions) in groups.items():
        yield scorer, incoming.take(indices), decisions


def _compare(scorer: Scorer, part: RawBatch, then: list[Decision], tally: Tally, only: tuple[str, ...]) -> None:
    scored = rescore(scorer, part)
    refused = {refusal.index: refusal.detail for refusal in scored.refusals}
    now = iter(scored.decisions)
    for place, before in enumerate(then):
        if place in refused:
            tally.refused(before, refused[place])
            continue
        after = next(now)
        fields = differences(before, after)
        if only:
            fields = {name: fields[name] for name in only if name in fields} if "verdict" in fields else {}
        tally.decided(before, after, fields)
