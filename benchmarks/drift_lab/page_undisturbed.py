"""The page's sections on streams without injected drift."""

from collections.abc import Iterator

from benchmarks.drift_lab import pictures
from benchmarks.drift_lab.lab import DriftLabResults
from benchmarks.drift_lab.undisturbed import FeatureMovement, JudgedWindows

#: Features of the natural stream on the page: those that moved most.
_SHOWN = 12


def exchangeable(results: DriftLabResults) -> Iterator[str]:
    """Yield the section on the exchangeable stream."""
    judged = results.exchangeable
    yield "## No drift: the exchangeable stream\n"
    psi, ks = judged.closest(judged.shares), judged.closest(judged.distance_shares)
    yield (
        f"{results.size.days:g} days of 142,000 rows, {judged.windows} windows of {judged.rows:,}, {len(judged.names)} "
        f"columns: **{judged.count} false alarms** ({_alarms(judged)}), and {results.alert_alarms} of the alert rate. "
        f"Single windows over a limit: {sum(judged.over.values())}. Closest to a limit: PSI at {psi[0]:.0%} of it "
        f"({psi[1]}), KS at {ks[0]:.0%} ({ks[1]}).\n"
    )


def natural(results: DriftLabResults) -> Iterator[str]:
    """Yield the section on the natural stream."""
    yield "## No injected drift: the natural stream\n"
    yield (
        "The test part (the last fifth of the rows) is compared in its original order with a bundle trained on the "
        "first 60 % of the rows. The rule uses the natural movement of that training part in order of time.\n"
    )
    yield "| rows per window | windows | alarms | columns |"
    yield "|---|---|---|---|"
    for rows, each in results.natural.items():
        yield f"| {rows:,} | {each.windows} | {each.count} | {_alarms(each)} |"
    yield "\nFalse alarms that training measured by cross-fitting on the training part (recorded in the manifest):\n"
    yield "| rows per window | windows | alarms |\n|---|---|---|"
    for recorded in results.cross_fitted:
        yield f"| {recorded.rows:,} | {recorded.windows} | {recorded.alarms} |"
    yield f"\n![PSI of each window as a share of its limit]({pictures.NATURAL})\n"
    yield from _movements(results)


def _movements(results: DriftLabResults) -> Iterator[str]:
    judged, limit = results.natural[results.limits.window_rows], results.limits.psi
    limits = dict(zip(judged.names, judged.psi_limit.tolist(), strict=True))
    shown = [each for rank, each in enumerate(results.movements) if rank < _SHOWN or each.name in judged.alarms]
    yield (
        "Is the drift real? The table compares the whole stream, as one window, with the training part and with the "
        "same hours of the day before, which rules out the hour as a cause. If the first PSI is above "
        f"{limit:g}, the rows differ from those of training, and an alarm is not chance. If the second is above it, "
        "too, the days differ; if not, the hour explains it, because a reference of a day and a half averages over the "
        "hours. A feature that moved without an alarm has a higher limit: its natural movement, measured in windows of "
        f"{judged.rows:,} rows within the training part itself.\n"
    )
    yield "| feature | PSI, training part | PSI, same hours the day before | limit | alarm | explanation |"
    yield "|---|---|---|---|---|---|"
    for each in shown:
        same_hours = "-" if each.psi_same_hours is None else f"{each.psi_same_hours:.3f}"
        yield (
            f"| {each.name} | {each.psi:.3f} | {same_hours} | {limits[each.name]:.3f} | "
            f"{'yes' if each.name in judged.alarms else 'no'} | {_explanation(each, limit)} |"
        )
    real = [name for name in judged.alarms if any(each.name == name and each.psi > limit for each in shown)]
    yield (
        f"\nOf {len(judged.alarms)} columns that alarm in windows of {judged.rows:,} rows, {len(real)} have moved over "
        f"the whole stream ({', '.join(real) or 'none'}): their alarms are real drift between the training part and "
        "the hours after it, not chance."
    )


def _explanation(movement: FeatureMovement, limit: float) -> str:
    if movement.psi <= limit:
        return "no overall movement"
    if movement.psi_same_hours is None:
        return "unknown"
    return "different day" if movement.psi_same_hours > limit else "different hour"


def _alarms(judged: JudgedWindows) -> str:
    if not judged.alarms:
        return "no column"
    return ", ".join(
        f"{name} ({_counted(count, 'alarm')}, {_counted(windows, 'window')})"
        for name, (count, windows) in judged.alarms.items()
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
