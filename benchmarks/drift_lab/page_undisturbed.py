"""The page's part on streams in which nothing was injected."""

from collections.abc import Iterator

from benchmarks.drift_lab import pictures
from benchmarks.drift_lab.findings import Findings
from benchmarks.drift_lab.silence import Judged, Moved

#: Features of the natural stream that the page shows, the furthest ones.
_SHOWN = 12


def silence(found: Findings) -> Iterator[str]:
    """Write both worlds without an injection."""
    judged = found.exchangeable
    yield "## Nothing drifts: the exchangeable world\n"
    psi, ks = judged.nearest(judged.shares), judged.nearest(judged.distance_shares)
    yield (
        f"{found.size.days:g} days of 142,000 rows, {judged.windows} windows of {judged.rows:,}, {len(judged.names)} "
        f"columns: **{judged.count} false alarms** ({_alarms(judged)}), and {found.alert_alarms} of the alert rate. "
        f"Single windows over a limit: {sum(judged.over.values())}. The closest any window came to its limit: PSI "
        f"{psi[0]:.0%} of it ({psi[1]}), KS {ks[0]:.0%} ({ks[1]}).\n"
    )
    yield "## Nothing is injected: the natural world\n"
    yield (
        "The test part as it came, the last fifth of the rows, against a bundle of the first 60 % of the rows: the "
        "rule with the natural movement of that training part in order of time.\n"
    )
    yield "| rows of a window | windows | alarms | on |"
    yield "|---|---|---|---|"
    for rows, each in found.natural.items():
        yield f"| {rows:,} | {each.windows} | {each.count} | {_alarms(each)} |"
    yield "\nWhat training itself measured, cross-fitted on its own part (in the manifest):\n"
    yield "| rows of a window | windows | alarms |\n|---|---|---|"
    for known in found.cross_fitted:
        yield f"| {known.rows:,} | {known.windows} | {known.alarms} |"
    yield f"\n![PSI of each window in shares of its limit]({pictures.NATURAL})\n"
    yield from _moved(found)


def _moved(found: Findings) -> Iterator[str]:
    usual = found.natural[found.limits.window_rows]
    limits = dict(zip(usual.names, usual.psi_limit.tolist(), strict=True))
    shown = [each for place, each in enumerate(found.moved) if place < _SHOWN or each.name in usual.alarms]
    yield (
        "Is it real? The whole stream, as one window, against the training part, and against the same hours of the "
        "day before, which the hour can't explain. Where the first is above "
        f"{found.limits.psi:g}, the rows do lie elsewhere than those of training, and an alarm is no chance. Where the "
        "second is too, the days differ; where it is not, it is the hour, which a reference of a day and a half "
        "averages over. A feature that moved and does not alarm has a limit above it: its natural movement, as far as "
        f"it strayed in windows of {usual.rows:,} rows inside the training part itself.\n"
    )
    yield "| feature | PSI, training part | PSI, same hours the day before | its limit | alarmed | so it is |"
    yield "|---|---|---|---|---|---|"
    for each in shown:
        same_hours = "-" if each.psi_same_hours is None else f"{each.psi_same_hours:.3f}"
        yield (
            f"| {each.name} | {each.psi:.3f} | {same_hours} | {limits[each.name]:.3f} | "
            f"{'yes' if each.name in usual.alarms else 'no'} | {_verdict(each, found.limits.psi)} |"
        )
    real = [name for name in usual.alarms if any(each.name == name and each.psi > found.limits.psi for each in shown)]
    yield (
        f"\nOf {len(usual.alarms)} columns that alarm in windows of {usual.rows:,} rows, {len(real)} have moved as a "
        f"whole ({', '.join(real) or 'none'}): their alarms are real drift between the training part and the hours "
        "after it, not chance."
    )


def _verdict(moved: Moved, limit: float) -> str:
    if moved.psi <= limit:
        return "no movement of the whole part"
    if moved.psi_same_hours is None:
        return "unknown"
    return "another day" if moved.psi_same_hours > limit else "another hour"


def _alarms(judged: Judged) -> str:
    if not judged.alarms:
        return "no column"
    return ", ".join(
        f"{name} ({count}, {windows} windows)" if count > 1 else f"{name} ({windows} windows)"
        for name, (count, windows) in judged.alarms.items()
    )
