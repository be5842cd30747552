"""The page's sections about streams without injected drift."""

from collections.abc import Iterator

from benchmarks.drift_lab import pictures
from benchmarks.drift_lab.lab import DriftLabResults
from benchmarks.drift_lab.undisturbed import FeatureMovement, JudgedWindows

#: Number of features of the natural stream to show: those that moved most.
_SHOWN = 12


def exchangeable(results: DriftLabResults) -> Iterator[str]:
    """Yield the lines of the section about the exchangeable stream."""
    judged = results.exchangeable
    yield "## No drift: the exchangeable stream\n"
    psi, ks = judged.closest(judged.shares), judged.closest(judged.distance_shares)
    yield (
        f"In {results.size.days:g} days of 142,000 rows ({judged.windows} windows of {judged.rows:,} rows, "
        f"{len(judged.names)} columns), there were **{judged.count} false alarms** ({_alarms(judged)}), and "
        f"{results.alert_alarms} false alarms on the alert rate. Individual windows exceeded a limit "
        f"{sum(judged.over.values())} times. The values closest to their limits were a PSI at {psi[0]:.0%} of its "
        f"limit ({psi[1]}) and a KS statistic at {ks[0]:.0%} of its limit ({ks[1]}).\n"
    )


def natural(results: DriftLabResults) -> Iterator[str]:
    """Yield the lines of the section about the natural stream."""
    yield "## No injected drift: the natural stream\n"
    yield (
        "The test set (the last fifth of the rows) is compared, in its original order, with a bundle trained on the "
        "first 60% of the rows. The rule uses the natural movement of that training split in time order.\n"
    )
    yield "| rows per window | windows | alarms | columns that raised alarms |"
    yield "|---|---|---|---|"
    for rows, each in results.natural.items():
        yield f"| {rows:,} | {each.windows} | {each.count} | {_alarms(each)} |"
    yield "\nFalse alarms measured during training by cross-fitting on the training split (recorded in the manifest):\n"
    yield "| rows per window | windows | alarms |\n|---|---|---|"
    for recorded in results.cross_fitted:
        yield f"| {recorded.rows:,} | {recorded.windows} | {recorded.alarms} |"
    yield f"\n![PSI of each column and window, as a share of its limit]({pictures.NATURAL})\n"
    yield from _movements(results)


def _movements(results: DriftLabResults) -> Iterator[str]:
    judged, limit = results.natural[results.limits.window_rows], results.limits.psi
    limits = dict(zip(judged.names, judged.psi_limit.tolist(), strict=True))
    shown = [each for rank, each in enumerate(results.movements) if rank < _SHOWN or each.name in judged.alarms]
    yield (
        "To tell real drift from a false alarm, the table compares the whole stream, as one window, with two "
        "references: the training split, and the same hours of the previous day, which controls for time of day. A PSI "
        f"above {limit:g} against the training split means that the rows differ from the training data, and that an "
        f"alarm is not due to chance. If the PSI against the previous day is also above {limit:g}, the two days "
        "differ; otherwise time of day explains the difference, because a training split of a day and a half averages "
        "over the hours of the day. A feature that moved without raising an alarm has a higher limit: its natural "
        f"movement, measured in windows of {judged.rows:,} rows within the training split itself.\n"
    )
    yield (
        "| feature | PSI against training split | PSI against same hours of previous day | PSI limit | alarm | "
        "explanation |"
    )
    yield "|---|---|---|---|---|---|"
    for each in shown:
        same_hours = "-" if each.psi_same_hours is None else f"{each.psi_same_hours:.3f}"
        yield (
            f"| {each.name} | {each.psi:.3f} | {same_hours} | {limits[each.name]:.3f} | "
            f"{'yes' if each.name in judged.alarms else 'no'} | {_explanation(each, limit)} |"
        )
    real = [name for name in judged.alarms if any(each.name == name and each.psi > limit for each in shown)]
    yield (
        f"\nOf {len(judged.alarms)} columns that raise alarms in windows of {judged.rows:,} rows, {len(real)} have "
        f"drifted over the whole stream ({', '.join(real) or 'none'}): their alarms reflect real drift between the "
        "training split and the hours that follow it, not chance."
    )


def _explanation(movement: FeatureMovement, limit: float) -> str:
    if movement.psi <= limit:
        return "no overall movement"
    if movement.psi_same_hours is None:
        return "unknown"
    return "different day" if movement.psi_same_hours > limit else "time of day"


def _alarms(judged: JudgedWindows) -> str:
    if not judged.alarms:
        return "no column"
    return ", ".join(
        f"{name} ({_counted(count, 'alarm')}, {_counted(windows, 'window')})"
        for name, (count, windows) in judged.alarms.items()
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
