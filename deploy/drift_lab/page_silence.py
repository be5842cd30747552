"""The page's part on streams in which nothing was injected."""

from collections.abc import Iterator

from deploy.drift_lab import pictures
from deploy.drift_lab.findings import Findings
from deploy.drift_lab.silence import Judged

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
    alarmed = {name for each in found.natural.values() for name in each.alarms}
    limit = found.limits.psi
    yield (
        "Is it real? The whole stream, as one window, against the training part, and against the same hours of the "
        "day before, which the hour can't explain. Where the first is above "
        f"{limit:g}, the alarm is no chance: the rows do lie elsewhere than those of training. Where the second is "
        "too, the days differ; where it is not, it is the hour, which a reference of a day and a half averages over.\n"
    )
    yield "| feature | PSI, training part | PSI, same hours the day before | alarmed | so it is |"
    yield "|---|---|---|---|---|"
    for place, each in enumerate(found.moved):
        if place < _SHOWN or each.name in alarmed:
            yield (
                f"| {each.name} | {each.psi:.3f} | {each.psi_same_hours:.3f} | "
                f"{'yes' if each.name in alarmed else 'no'} | {_verdict(each.psi, each.psi_same_hours, limit)} |"
            )


def _verdict(psi: float, same_hours: float, limit: float) -> str:
    if psi <= limit:
        return "no lasting movement of the whole part"
    return "another day" if same_hours > limit else "another hour"


def _alarms(judged: Judged) -> str:
    if not judged.alarms:
        return "no column"
    return ", ".join(
        f"{name} ({count}, {windows} windows)" if count > 1 else f"{name} ({windows} windows)"
        for name, (count, windows) in judged.alarms.items()
    )
