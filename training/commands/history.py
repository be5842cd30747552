"""The command `fraud-train history`."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
import msgspec

from schemas.messages import AuditEvidence, RollbackEvidence
from stream.commands.command_line import examples
from training.commands.registry_options import bootstrap_option, open_promoter

if TYPE_CHECKING:
    from training.registry.history import RoleChange


@click.command(
    epilog=examples("fraud-train history", "fraud-train history --json --bootstrap 127.0.0.1:9092"),
)
@click.option("--json", "as_json", is_flag=True, help="Print each change as one line of JSON.")
@bootstrap_option
def history(as_json: bool, bootstrap: str | None) -> None:
    """Show every change to the champion or challengers, with time, author, reason and evidence, oldest first."""
    promoter = open_promoter(None, bootstrap)
    promoter.catch_up()
    for entry in promoter.history.entries():
        if as_json:
            click.echo(msgspec.json.encode({"number": entry.number} | msgspec.to_builtins(entry.change)))
        else:
            click.echo(_line(entry.change))


def _line(change: "RoleChange") -> str:
    time = datetime.fromtimestamp(change.written_at_ms / 1000, UTC)
    action = f"{change.action} {change.champion.path}"
    if change.action == "challenge":
        action += f" by {', '.join(each.bundle.path for each in change.challengers)}"
    evidence = f" (evidence: {_evidence_text(change.evidence)})" if change.evidence else ""
    # Other writers on the control topic may use line breaks.
    reason = " ".join(f"{change.author}: {change.reason}{evidence}".split())
    return f"{time:%Y-%m-%d %H:%M:%S} UTC  {action}  [roles {change.role_epoch}]  {reason}"


def _evidence_text(evidence: AuditEvidence) -> str:
    if isinstance(evidence, RollbackEvidence):
        return f"{evidence.statistic} {evidence.value:.3g}, bound {evidence.bound:.3g}"
    return evidence.url
