"""The page's section about other drift detectors."""

from collections.abc import Iterator, Mapping

from benchmarks.drift_lab.baselines.evidently import UNDISTURBED, EvidentlyResult
from benchmarks.drift_lab.lab import DriftLabResults
from benchmarks.drift_lab.power import FULL_WINDOWS


def other_detectors(results: DriftLabResults) -> Iterator[str]:
    """Yield the lines of the section about other drift detectors."""
    yield "\n## Other detectors, with default settings\n"
    yield (
        "All detectors run on windows of the exchangeable stream. Each scenario disturbs every feature at once, "
        "because these detectors test each column on its own. They do not accept a column of nulls: Evidently's preset "
        "raises an error, and river's detectors only accept numbers.\n"
    )
    if results.evidently is None:
        yield "Evidently was skipped because its environment is missing; `make drift-lab` installs it.\n"
    else:
        yield from _evidently(results.evidently)
    yield from _river(results)


def _evidently(results: Mapping[str, EvidentlyResult]) -> Iterator[str]:
    yield (
        "**Evidently** 0.7 compares each window with all rows of the training split. Its default test for 1,000 rows "
        "or more reports drift if the Wasserstein distance is above 0.1 standard deviations.\n"
    )
    yield "| scenario | windows | drifted columns | windows with a drifted column | windows reported as drifted |"
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
        "**river**'s detectors process the data row by row. False alarms are alarms on undisturbed rows, over all "
        "features. The scenario columns give the share of features that raise an alarm within three windows of the "
        f"onset (for KSWIN, which is slow: within {FULL_WINDOWS} times its number of rows per feature); "
        f"'{UNDISTURBED}' gives the same share without injected drift. The drift rule raised {rule.count} false alarms "
        f"in {rule.windows * rule.rows:,} rows of each column.\n"
    )
    scenarios = list(dict.fromkeys(name for each in results.river for name in each.detected))
    yield f"| detector | features | rows per feature | false alarms | {' | '.join(scenarios)} |"
    yield "|---" * (4 + len(scenarios)) + "|"
    for each in results.river:
        cells = " | ".join(f"{each.detected[name]:.0%}" for name in scenarios)
        yield f"| {each.name} | {each.features} | {each.undisturbed_rows:,} | {each.false_alarms} | {cells} |"
