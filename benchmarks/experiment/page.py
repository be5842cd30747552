"""The experiment as a Markdown page; nothing on it is typed in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.experiment.gate import Path, Reduction
from benchmarks.experiment.history import EARLIER_HOURS
from benchmarks.experiment.rollback import RolledBack
from stream.evaluation.gate import GateResult
from training.machine import Machine

TEST_PICTURE, FLIPS_PICTURE = "experiment-test.svg", "experiment-flips.svg"
#: Looks that the table shows.
_SHOWN = 8


@dataclass(frozen=True)
class Findings:
    """Everything that was found."""

    #: By contestant, in words.
    words: Mapping[str, str]
    #: Average precision by contestant, over all cross-fitted scores.
    pr_auc: Mapping[str, float]
    rows: int
    frauds: int
    challenger: Path
    twin: Path
    reduction: Reduction
    rolled_back: RolledBack
    machine: Machine
    seconds: float


def markdown(found: Findings) -> str:
    """Write the page."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Findings) -> Iterator[str]:
    machine = found.machine
    yield "# The gate on real card data\n"
    yield (
        f"Written by `make experiment` in {found.seconds:.0f} s on {machine.cores} cores of {machine.cpu}, "
        f"{machine.memory_gib} GiB, Python {machine.python}; nothing here is typed in.\n"
    )
    yield (
        f"The ULB data without exact repeats: {found.rows:,} transactions, {found.frauds} frauds, two days. Each of "
        "eight blocks of time is scored by a model fitted on the blocks before it (the first by one of the second: it "
        f"only serves the plan). The first {EARLIER_HOURS} hours choose thresholds, cap and bounds; each later hour is "
        "a cohort. Labels come late, by made-up delays: an analyst's an hour after the review, a chargeback after four "
        "hours on average, and after twelve silence means legitimate.\n"
    )
    yield "| | model | PR-AUC, cross-fitted |\n|---|---|---|"
    for name, words in found.words.items():
        yield f"| {name} | {words} | {found.pr_auc[name]:.3f} |"
    yield "\n## Is the challenger better?\n"
    last = found.challenger.judgements[-1]
    yield f"After {last.cohorts} cohorts with {last.frauds} matured frauds: **{last.verdict}**, {last.reason}.\n"
    yield "| cohorts | frauds | verdict | cost: log capital | recall: log capital | saved a transaction, minor units |"
    yield "|---|---|---|---|---|---|"
    yield from map(_row, _some(found.challenger.judgements))
    yield f"\n![the test as frauds mature]({TEST_PICTURE})\n"
    change = found.challenger.change
    yield (
        f"In the tested hours the challenger would have saved {change.saved_minor / 100:,.0f} and lost "
        f"{change.lost_minor / 100:,.0f} EUR of capped cost, taken {change.false_positives_removed:.0f} false "
        f"positives away and added {change.false_positives_added:.0f}, caught {change.frauds_gained:.0f} frauds more "
        f"and missed {change.frauds_lost:.0f} that the champion caught.\n"
    )
    yield f"![the flip matrix]({FLIPS_PICTURE})\n"
    for rail in last.guardrails:
        yield f"- {rail.name}: {'holds' if rail.holds else '**fails**'}, {rail.detail}"
    less = found.reduction
    yield "\n## False positives at equal recall\n"
    yield (
        f"Where the champion has {less.champion} false positives it catches {less.caught} of {less.frauds} frauds; for "
        f"as many the challenger takes {less.challenger}: {less.value:.0%} fewer ({less.low:.0%} to {less.high:.0%}, "
        "95 % bootstrap over transactions, thresholds chosen anew in each resample). The champion is an ordinary "
        "logistic regression; against a tuned one there is less to gain.\n"
    )
    twin = found.twin.judgements[-1]
    yield "## Two equal models\n"
    yield (
        "The challenger as champion, its twin of another seed as challenger: after "
        f"{twin.cohorts} cohorts with {twin.frauds} frauds **{twin.verdict}**, {twin.reason}.\n"
    )
    back = found.rolled_back
    yield "## A broken challenger, promoted by hand\n"
    yield (
        "On a real Kafka with two workers, a bundle with a threshold that is far too low was promoted past the gate. "
        f"{back.seconds:.1f} s after the promotion was written the previous champion decided again, by itself; "
        f"{back.decisions:,} decisions were made by the broken one, {back.alerts:,} of them alerts, and "
        f"{back.changes} role change was written after it. The guard's words: {back.note}"
    )


def _row(judged: GateResult) -> str:
    low, high = judged.cost_gain_interval
    cells = (
        str(judged.cohorts),
        str(judged.frauds),
        judged.verdict,
        f"{judged.cost.log_capital:.2f}",
        f"{judged.recall.log_capital:.2f}",
        f"{judged.cost_gain_minor:.2f} ({low:.2f} to {high:.2f})",
    )
    return f"| {' | '.join(cells)} |"


def _some(judgements: Sequence[GateResult]) -> Iterator[GateResult]:
    step = max(1, len(judgements) // _SHOWN)
    yield from judgements[step - 1 : -1 : step]
    yield judgements[-1]
