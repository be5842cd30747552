"""Prints tables of what challengers would have changed, read from the ledger."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from schemas.errors import FraudError
from stream.evaluation.counterfactual import CounterfactualChange, changes_by_day
from stream.ledger.database import opened_engine
from stream.ledger.gate_runner import DAY_MS, GateStatus, capped_costs, find_gate_test, gate_status
from stream.ledger.gate_store import GateStore
from stream.ledger.history import ModelIdentity
from stream.ledger.matchups import Matchup, find_matchups, load_pairs
from stream.scoring.policy import VERDICTS
from stream.settings import Settings

#: Cap for "no cap", in minor units; larger than any amount.
UNCAPPED = 10**15


def show(settings: Settings, challenger: str, days: int) -> None:
    """Print what challengers would have changed on the most recent days of event time.

    Args:
        settings: Settings of the ledger's database, the gate and the costs.
        challenger: Beginning of the hash of the challengers' bundle; empty for all challengers.
        days: Number of most recent days of event time to show.

    Raises:
        FraudError: If no challenger's hash begins with `challenger`, or the database is not responding.
    """
    console = Console()
    with opened_engine(settings.ledger.url) as engine:
        chosen = [each for each in find_matchups(engine) if each.challenger.bundle_sha256.startswith(challenger)]
        if not chosen:
            which = f" whose hash begins with {challenger}" if challenger else ""
            raise FraudError(f"the ledger has no challenger{which}; list the challengers with: fraud-stream models")
        tests = GateStore(engine).tests()
        maturity_ms = settings.gate.maturity_days * DAY_MS
        for matchup in chosen:
            since = matchup.complete_ms - days * DAY_MS
            pairs = load_pairs(engine, matchup, since=since, until=matchup.complete_ms, maturity_ms=maturity_ms)
            test = find_gate_test(tests, matchup)
            # Before the gate test there is no cap: the test derives the cap from earlier frauds.
            cap = test.plan.measure.costs.cap_minor if test else settings.gate.cap_minor or UNCAPPED
            changes = list(changes_by_day(pairs, capped_costs(settings.gate, cap)))
            console.print(_by_day(matchup, changes), _flips(changes), _gate_line(gate_status(test) if test else None))


def _by_day(matchup: Matchup, changes: list[CounterfactualChange]) -> Table:
    title = f"{_model_name(matchup.challenger)} compared with {_model_name(matchup.champion)}"
    table = Table(
        *("day", "decisions", "matured", "differ", "saved", "lost", "false positives", "frauds"),
        title=title,
        caption="saved, lost: minor units; false positives: removed (-), added (+); frauds: gained (+), lost (-)",
    )
    table.columns[0].no_wrap = True
    for each in changes:
        differ = sum(count for i, row in enumerate(each.flips) for j, count in enumerate(row) if i != j)
        matured = each.transactions - each.waiting - each.censored - each.missing
        table.add_row(
            datetime.fromtimestamp(each.start_ms / 1000, UTC).strftime("%Y-%m-%d"),
            *map(str, (each.transactions, matured, differ)),
            *(f"{value:,.0f}" for value in (each.saved_minor, each.lost_minor)),
            f"-{each.false_positives_removed:g} +{each.false_positives_added:g}",
            f"+{each.frauds_gained:g} -{each.frauds_lost:g}",
        )
    return table


def _flips(changes: list[CounterfactualChange]) -> Table:
    table = Table("champion", *(f"challenger: {verdict}" for verdict in VERDICTS), title="Verdicts, all days")
    for i, verdict in enumerate(VERDICTS):
        table.add_row(verdict, *(str(sum(each.flips[i][j] for each in changes)) for j in range(len(VERDICTS))))
    return table


def _gate_line(status: GateStatus | None) -> str:
    if status is None or status.judgement is None:
        return f"no verdict yet: {status.waiting if status else 'its test has not started'}"
    judgement = status.judgement
    low, high = judgement.cost_gain_interval
    return (
        f"test {status.test}: {judgement.verdict}, {judgement.reason}; {judgement.frauds} matured frauds in "
        f"{judgement.cohorts} cohorts, saves {judgement.cost_gain_minor:.2f} minor units a transaction "
        f"({low:.2f} to {high:.2f})"
    )


def _model_name(model: ModelIdentity) -> str:
    return f"{model.bundle_sha256[:12]} with policy {model.policy_version}"
