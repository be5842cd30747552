"""The page's section on other drift detectors."""

from collections.abc import Iterator, Mapping

from benchmarks.drift_lab.baselines.evidently import UNDISTURBED, EvidentlyResult
from benchmarks.drift_lab.lab import DriftLabResults
from benchmarks.drift_lab.power import FULL_WINDOWS


def other_detectors(results: DriftLabResults) -> Iterator[str]:
    """Yield the section's lines."""
    yield "\n## Other detectors, with default settings\n"
    yield (
        "All run on the exchangeable windows. Each scenario disturbs every feature at once, since columns are tested "
        "one by one. These detectors reject a column of nulls: Evidently's preset raises an error, and river's "
        "detectors only take numbers.\n"
    )
    if results.evidently is None:
        yield "Evidently was skipped because its environment is missing; `make drift-lab` installs it.\n"
    else:
        yield from _evidently(results.evidently)
    yield from _river(results)


def _evidently(results: Mapping[str, EvidentlyResult]) -> Iterator[str]:
    yield (
        "**Evidently** 0.7 (its default test: Wasserstein distance above 0.1 standard deviations, from 1,000 rows on) "
        "compares each window with all rows of the training part.\n"
    )
    yield "| scenario | windows | drifted columns | windows with a drifted column | windows drifted as a whole |"
    yield "|---|---|---|---|---|"
    for name, each in results.items():
        if each.drifted is None:
            yield f"| {name} | {each.windows} | rejected | - | - |"
        else:
            yield f"| {name} | {each.windows} | {each.drifted:.1%} | {each.any_column} | {each.whole} |"
    yield ""


def _river(results: DriftLabResults) -> Iterator[str]:
    rule = results.exchangeable
    yield (
        "**river** processes row by row. False alarms are those on undisturbed rows of each feature. The scenario "
        "columns give the share of features that alarm within three windows of the onset (for KSWIN, which is slow: "
        f"within {FULL_WINDOWS} times the rows given), and '{UNDISTURBED}' is the same without an onset. The drift "
        f"rule had {rule.count} false alarms in {rule.windows * rule.rows:,} rows of each column.\n"
    )
    scenarios = list(dict.fromkeys(name for each in results.river for name in each.detected))
    yield f"| detector | features | rows per feature | false alarms | {' | '.join(scenarios)} |"
    yield "|---" * (4 + len(scenarios)) + "|"
    for each in results.river:
        cells = " | ".join(f"{each.detected[name]:.0%}" for name in scenarios)
        yield f"| {each.name} | {each.features} | {each.undisturbed_rows:,} | {each.false_alarms} | {cells} |"
