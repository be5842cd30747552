"""The lab as a Markdown page; nothing on it is typed in."""

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.drift_lab import pictures
from benchmarks.drift_lab.alerts import PROMISED
from benchmarks.drift_lab.baselines.evidently import QUIET
from benchmarks.drift_lab.concept import ONSET_DAY, SHOWN
from benchmarks.drift_lab.findings import Findings
from benchmarks.drift_lab.page_silence import silence
from benchmarks.drift_lab.power import FULL_WINDOWS, Power
from benchmarks.drift_lab.trend import SLOPE

#: Share of the repetitions that must be found where the population's PSI is `pictures.PROMISED_PSI` or more.
_PROMISED_FOUND = 0.95


def markdown(found: Findings) -> str:
    """Write the page."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Findings) -> Iterator[str]:
    machine, limits = found.machine, found.limits
    yield "# The drift rule on real card data\n"
    yield (
        f"Written by `make drift-lab` in {found.seconds:.0f} s on {machine.cores} cores of {machine.cpu}, "
        f"{machine.memory_gib} GiB, Python {machine.python}, {machine.load_before:g} processes running beside it; "
        "nothing here is typed in.\n"
    )
    yield (
        f"The ULB data, {found.rows:,} transactions in two days. The rule with its defaults: windows of "
        f"{limits.window_rows:,} rows, PSI above {limits.psi:g} or a significant KS statistic above {limits.ks:g} (or "
        f"above the column's natural movement, where that is more), {limits.windows_in_a_row} windows in a row. Two "
        "worlds: in the *exchangeable* one rows are shuffled before they are split into a training part and a stream, "
        "so nothing moves but what is injected, and the bundle's natural movement is that of shuffled rows; in the "
        "*natural* one the order of time is kept.\n"
    )
    yield from silence(found)
    yield from _power(found)
    yield from _trend(found)
    yield from _alert_rates(found)
    yield from _concept(found)
    yield from _others(found)


def _power(found: Findings) -> Iterator[str]:
    size, rows = found.size, found.limits.window_rows
    yield "\n## What is injected, and found\n"
    yield (
        f"In the exchangeable world, {size.repetitions} repetitions of each feature and scenario, with the onset at a "
        f"random row of a window. Found: the feature alarms by the end of the {FULL_WINDOWS}rd full window. All the "
        f"other columns go on undisturbed beside it, as the Holm correction needs them. Windows are bootstrapped: a "
        f"column's counts of {rows:,} rows drawn from the stream's part are a multinomial draw. A feature is disturbed "
        "alone, what correlates with it is not. Categories: ULB has none, so each feature's values, and the amount's, "
        "are cut by rank into ten categories of uneven size in a world of their own; the rarest with 5 % of the rows "
        "or more does not come any more.\n"
    )
    yield "| scenario | features | PSI of the whole stream | found | worst feature | median delay, windows |"
    yield "|---|---|---|---|---|---|"
    for scenario in dict.fromkeys(each.scenario for each in found.power):
        own = [each for each in found.power if each.scenario == scenario]
        psis, worst = [each.psi for each in own], min(own, key=lambda each: each.found)
        delays = [each.delay for each in own if each.delay is not None]
        yield (
            f"| {scenario} | {len(own)} | {min(psis):.2f} to {max(psis):.2f} | "
            f"{np.mean([each.found for each in own]):.1%} | {worst.feature}: {worst.found:.1%} | "
            f"{f'{np.median(delays):.1f}' if delays else '-'} |"
        )
    promised = [each for each in found.power if each.psi >= pictures.PROMISED_PSI]
    short = [each for each in promised if each.found < _PROMISED_FOUND]
    yield (
        f"\nOf {len(promised)} features and scenarios with a PSI of {pictures.PROMISED_PSI} or more, "
        f"{len(promised) - len(short)} are found in {_PROMISED_FOUND:.0%} of the repetitions or more. "
        + (f"The exceptions: {_named(short)}.\n" if short else "There is no exception.\n")
    )
    missed = [each for each in found.power if each.psi < pictures.PROMISED_PSI and each.found < _PROMISED_FOUND]
    if missed:
        yield f"Below that PSI, found less often than in {_PROMISED_FOUND:.0%}: {_named(missed)}.\n"
    yield f"![share found over the population's PSI]({pictures.POWER})\n"
    yield from _whole_table(found.power)


def _named(some: Sequence[Power]) -> str:
    return ", ".join(f"{each.feature} {each.scenario} (PSI {each.psi:.2f}, found {each.found:.0%})" for each in some)


def _whole_table(power: Sequence[Power]) -> Iterator[str]:
    scenarios = list(dict.fromkeys(each.scenario for each in power))
    yield "The whole table: PSI of the whole stream / share found / median delay in windows.\n"
    yield f"| feature | {' | '.join(scenarios)} |"
    yield "|---" * (1 + len(scenarios)) + "|"
    for feature in dict.fromkeys(each.feature for each in power):
        own = {each.scenario: each for each in power if each.feature == feature}
        yield f"| {feature} | {' | '.join(_cell(own.get(scenario)) for scenario in scenarios)} |"


def _cell(power: Power | None) -> str:
    if power is None:
        return "-"
    delay = "-" if power.delay is None else f"{power.delay:.1f}"
    return f"{power.psi:.2f} / {power.found:.1%} / {delay}"


def _trend(found: Findings) -> Iterator[str]:
    crossing = [each for each in found.trends if each.crossing is not None]
    told = [each for each in crossing if each.delay is not None]
    yield "\n## A slow trend\n"
    yield (
        f"Each feature grows by {SLOPE} standard deviations a window. Where the PSI of the whole stream, were it all "
        f"shifted as far as the newest row, crosses {found.limits.psi:g}, the clock starts; below 0 KS was quicker.\n"
    )
    if told:
        delays = [each.delay for each in told if each.delay is not None]
        worst = max(told, key=lambda each: each.delay or 0.0)
        yield (
            f"{len(crossing)} of {len(found.trends)} features cross it; {len(told)} of these alarm, after a median of "
            f"{np.median(delays):.1f} windows, the slowest ({worst.feature}) after {worst.delay:.1f}. They cross at a "
            f"shift of {min(each.crossing or 0 for each in crossing):.2f} to "
            f"{max(each.crossing or 0 for each in crossing):.2f} standard deviations.\n"
        )
    silent = [each for each in found.trends if each.delay is None]
    if silent:
        yield f"Not found in half of the repetitions: {', '.join(each.feature for each in silent)}.\n"
    yield f"![windows from the crossing to the alarm]({pictures.TREND})"


def _alert_rates(found: Findings) -> Iterator[str]:
    yield "\n## The alert rate doubles\n"
    yield (
        "An exact binomial test over as many windows as expect "
        f"{found.limits.alert_expected:g} alerts, at {found.limits.alert_alpha:g}. The first line is the lab's own "
        f"champion, the second a rate that is made up. How often it is found by the time {PROMISED} alerts would have "
        "been expected since the onset, and by the end of the window in which that is, for an alarm waits for it.\n"
    )
    yield "| alerts in the reference | expected a window | found | by the window's end | until then, median | 95 % |"
    yield "|---|---|---|---|---|---|"
    for each in found.alert_rates:
        yield (
            f"| {each.rate:.2%} | {each.rate * found.limits.window_rows:.1f} | {each.found:.1%} | "
            f"{each.found_by_window:.1%} | {each.median:.0f} | {each.high:.0f} |"
        )


def _concept(found: Findings) -> Iterator[str]:
    course = found.course
    yield "\n## Concept drift with unchanged inputs\n"
    yield (
        "A share of the fraud labels moves to rows drawn at random: no input, no score and no rate of frauds changes, "
        "only what a fraud looks like. The rule and the label-free estimate can't see it; the watch over the "
        "champion's misses (ADWIN, `training/drift/concept.py`) does, once labels have matured.\n"
    )
    yield "| labels moved | missed before → after | wrong before | found | frauds until then, median | days of frauds |"
    yield "|---|---|---|---|---|---|"
    for each in found.concept:
        soon = "- | -" if each.frauds is None or each.days is None else f"{each.frauds:.0f} | {each.days:.1f}"
        yield (
            f"| {each.share:.0%} | {each.missed_before:.0%} → {each.missed_after:.0%} | {each.wrong:.1%} | "
            f"{each.found:.1%} | {soon} |"
        )
    before, after = slice(0, ONSET_DAY), slice(ONSET_DAY, None)
    yield (
        f"\nOne stream of {len(course.recall)} days of which {SHOWN:.0%} of the labels move after day {ONSET_DAY}: "
        f"recall falls from {course.recall[before].mean():.0%} to {course.recall[after].mean():.0%}, its estimate "
        f"without labels stays at {course.expected_recall[before].mean():.0%} and "
        f"{course.expected_recall[after].mean():.0%}; precision falls from {course.precision[before].mean():.0%} to "
        f"{course.precision[after].mean():.0%}, its estimate stays at {course.expected_precision[before].mean():.0%} "
        f"and {course.expected_precision[after].mean():.0%}. The mean score is {course.mean_score[0]:.3%} before and "
        f"{course.mean_score[1]:.3%} after.\n"
    )
    yield f"![true and estimated recall and precision]({pictures.CONCEPT})"


def _others(found: Findings) -> Iterator[str]:
    yield "\n## Others, with their defaults\n"
    yield (
        "On the same exchangeable windows. Each disturbs every feature at once, since each column is judged by itself. "
        "A column that is all null is no question to them: Evidently's preset raises an error, river's detectors take "
        "numbers only.\n"
    )
    if found.evidently is None:
        yield "Evidently was not asked: its environment is not there; `make drift-lab` makes it.\n"
    else:
        yield (
            "**Evidently** (0.7, its own choice of test: Wasserstein distance above 0.1 standard deviations from "
            "1,000 rows on) against all rows of the training part, each window alone.\n"
        )
        yield "| scenario | windows | columns it calls drifted | windows with any | windows drifted as a whole |"
        yield "|---|---|---|---|---|"
        for name, each in found.evidently.items():
            if each.drifted is None:
                yield f"| {name} | {each.windows} | refused | - | - |"
            else:
                yield f"| {name} | {each.windows} | {each.drifted:.1%} | {each.any_column} | {each.whole} |"
        yield ""
    ours = found.exchangeable
    yield (
        "**river**, row by row. False alarms are over undisturbed rows of each feature; found is the share of "
        f"features that alarm in three windows after the onset (KSWIN, slow as it is: in {FULL_WINDOWS} times the rows "
        f"of its line), and '{QUIET}' is the same with no onset. The rule had {ours.count} false alarms in "
        f"{ours.windows * ours.rows:,} rows of each column.\n"
    )
    scenarios = list(dict.fromkeys(name for each in found.river for name in each.found))
    yield f"| detector | features | rows of each | false alarms | {' | '.join(scenarios)} |"
    yield "|---" * (4 + len(scenarios)) + "|"
    for answer in found.river:
        cells = " | ".join(f"{answer.found[name]:.0%}" for name in scenarios)
        yield f"| {answer.name} | {answer.features} | {answer.quiet_rows:,} | {answer.false_alarms} | {cells} |"
