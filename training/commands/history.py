"""`fraud-train history`."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
import msgspec

from schemas.messages import AuditEvidence, RollbackEvidence
from stream.commands.command_line import examples
from training.commands.registry_options import bootstrap_option, open_promoter

if TYPE_CHECKING:
    from training.registry.history import Change


@click.command(epilog=examples("fraud-train history", "fraud-train history --json --bootstrap 127.0.0.1:9092"))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@bootstrap_option
def history(as_json: bool, bootstrap: str | None) -> None:
    """Show who became champion, when, why and on what evidence: a line a change, oldest first."""
    desk = open_promoter(None, bootstrap)
    desk.catch_up()
    for entry in desk.history.entries():
        if as_json:
            click.echo(msgspec.json.encode({"number": entry.number} | msgspec.to_builtins(entry.change)))
        else:
            click.echo(_line(entry.change))


def _line(change: "Change") -> str:
    when = datetime.fromtimestamp(change.written_at_ms / 1000, UTC)
    roles = f"roles {change.role_epoch}" if change.role_epoch else "MLflow only"
    what = f"{change.action} {change.champion.path}"
    if change.action == "challenge":
        what += f" by {', '.join(each.bundle.path for each in change.challengers)}"
    evidence = f" (evidence: {_shown(change.evidence)})" if change.evidence else ""
    # What other writers put into Kafka may hold line breaks.
    said = " ".join(f"{change.who}: {change.why}{evidence}".split())
    return f"{when:%Y-%m-%d %H:%M:%S} UTC  {what}  [{roles}]  {said}"


def _shown(evidence: AuditEvidence) -> str:
    if isinstance(evidence, RollbackEvidence):
        return f"{evidence.statistic} {evidence.value:.3g}, bound {evidence.bound:.3g}"
    return evidence.url
