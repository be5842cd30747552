"""`fraud-stream models`: which models hold which roles, and the state of every worker."""

import click
from rich.console import Console
from rich.table import Table

from schemas.messages import BundleRef, Challenger, Exploration, ModelUpdate, Policy
from stream.commands.command_line import examples
from stream.commands.formatting import utc_time
from stream.commands.role_change_options import author_option, confirmation, epoch_option, reason_option
from stream.control.role_changes import (
    AssignmentChange,
    add_challenger,
    combine_changes,
    remove_challenger,
    set_exploration,
    set_salt,
)
from stream.control.role_reader import all_roles
from stream.control.role_writer import change_roles
from stream.control.worker_status import worker_statuses
from stream.models.bundle import resolve_bundle
from stream.models.bundle_store import BundleStore
from stream.settings import read_settings


class ShareParam(click.ParamType):
    """`PATH=SHARE`: a bundle, and the share of the cards that the bundle decides for."""

    name = "PATH=SHARE"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """Parse `PATH=SHARE`; return the path and the share."""
        path, _, share = value.rpartition("=")
        return path, _fraction(self, share, param, ctx) if path else self.fail(
            f"{value!r} does not name a bundle", param, ctx
        )


class ExplorationParam(click.ParamType):
    """`SHARE:AMOUNT`: the share of would-be declines up to an amount to let through; or `off`."""

    name = "SHARE:AMOUNT|off"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Exploration | None:
        """Parse `SHARE:AMOUNT`; return the exploration, or None for `off`."""
        if value == "off":
            return None
        share, _, cap = value.partition(":")
        if not cap.isdecimal():
            self.fail(f"{value!r} has no amount; write for instance 0.01:5000", param, ctx)
        return Exploration(_fraction(self, share, param, ctx, largest=0.5), int(cap))


def _fraction(
    kind: click.ParamType, text: str, param: click.Parameter | None, ctx: click.Context | None, largest: float = 1.0
) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= largest or share == 1:
        kind.fail(f"{text!r} is not a share above 0 and {'below' if largest == 1 else 'up to'} {largest:g}", param, ctx)
    return share


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "fraud-stream models",
        'fraud-stream models set --champion fraud/2 --shadow fraud/3 --reason "first model of the season"',
        'fraud-stream models set --split fraud/3=0.1 --reason "a tenth of the cards, for a week"',
    ),
)
@click.pass_context
def models(context: click.Context) -> None:
    """Show which models hold which roles, and the state of every worker."""
    if context.invoked_subcommand is None:
        _show()


@models.command(
    name="set",
    epilog=examples(
        'fraud-stream models set --shadow fraud/4 --reason "better in cross-validation"',
        'fraud-stream models set --dismiss fraud/3 --explore 0.01:5000 --reason "collect labels of declines"',
    ),
)
@click.option("--champion", metavar="PATH", help="Bundle to make champion.")
@click.option(
    "--shadow",
    "shadows",
    metavar="PATH",
    multiple=True,
    help="Bundle to add as a challenger that scores but never decides.",
)
@click.option(
    "--split",
    "splits",
    type=ShareParam(),
    multiple=True,
    help="Bundle to add as a challenger that decides for a share of the cards.",
)
@click.option("--dismiss", "dismissed", metavar="PATH", multiple=True, help="Bundle to remove from the challengers.")
@click.option(
    "--explore",
    "exploration",
    type=ExplorationParam(),
    metavar="SHARE:AMOUNT|off",
    help="Share of would-be declines up to an amount (in minor units) to let through; off to let none through.",
)
@click.option(
    "--salt", help="Salt of the hashes that assign cards to challengers and select transactions to let through."
)
@reason_option
@author_option
@epoch_option
@click.pass_context
def set_models(
    context: click.Context,
    *,
    champion: str | None,
    shadows: tuple[str, ...],
    splits: tuple[tuple[str, float], ...],
    dismissed: tuple[str, ...],
    exploration: Exploration | None,
    salt: str | None,
    reason: str,
    author: str,
    epoch: int | None,
) -> None:
    """Assign roles to bundles.

    Roles without an option stay as they are. PATH is a bundle's path in the bundle store. Bundles are audited before
    any role changes, and concurrent changes are rejected.
    """
    settings = read_settings()
    store = BundleStore(settings.bundle.store)
    changes: list[AssignmentChange] = [remove_challenger(path) for path in dismissed]
    changes += [add_challenger(Challenger(resolve_bundle(store, path))) for path in shadows]
    changes += [add_challenger(Challenger(resolve_bundle(store, path), "split", share)) for path, share in splits]
    if context.get_parameter_source("exploration") is click.core.ParameterSource.COMMANDLINE:
        changes.append(set_exploration(exploration))
    if salt is not None:
        changes.append(set_salt(salt))
    if not changes and not champion:
        raise click.UsageError("nothing to change; name a role, --explore or --salt")
    change = combine_changes(changes, resolve_bundle(store, champion) if champion else None)
    click.echo(
        confirmation(
            change_roles(settings.kafka, settings.topic, change, author=author, note=reason, expected_epoch=epoch)
        )
    )


def _show() -> None:
    settings = read_settings()
    updates, console = all_roles(settings.kafka, settings.topic), Console()
    if not updates:
        click.echo("there is no champion yet; publish one: fraud-stream models set --champion PATH --reason REASON")
        return
    update = updates[-1]
    table = Table("role", "bundle", "sha256", "decides for", "policy", "since", title=f"Roles, epoch {update.epoch}")
    champion_share = 1 - sum(challenger.share for challenger in update.challengers)
    for role, ref, share, policy in (
        ("champion", update.champion, champion_share, update.policy),
        *((each.mode, each.bundle, each.share, each.policy) for each in update.challengers),
        *([("previous", update.previous, 0.0, update.previous_policy)] if update.previous else []),
    ):
        since = utc_time(_since(updates, role, ref, policy))
        table.add_row(role, ref.path, ref.sha256[:12], f"{share:.0%}" if share else "-", _policy_name(policy), since)
    console.print(table)
    when, reason = utc_time(update.written_at_ms), update.note or "no reason given"
    console.print(f"last change: {update.action} by {update.author}, {when}: {reason}", markup=False, highlight=False)
    if update.exploration:
        cap = update.exploration.max_amount_minor
        console.print(f"{update.exploration.share:.1%} of would-be declines up to {cap} minor units are let through")
    workers = Table("worker", "state", "epoch", "partitions", "lag", "updated", "refused", title="Workers")
    for status in worker_statuses(settings.kafka, settings.topic):
        partitions = " ".join(map(str, status.partitions)) or "-"
        cells = (status.slot, status.state, str(status.role_epoch), partitions, str(status.lag))
        workers.add_row(*cells, utc_time(status.written_at_ms), status.refused or "")
    console.print(workers)


def _since(updates: list[ModelUpdate], role: str, ref: BundleRef, policy: Policy | None) -> int:
    """Return the time from which a bundle has had this role with this policy, UTC milliseconds."""
    since = updates[-1].written_at_ms
    for update in reversed(updates):
        if (ref, policy) not in _holders(update, role):
            break
        since = update.written_at_ms
    return since


def _holders(update: ModelUpdate, role: str) -> list[tuple[BundleRef | None, Policy | None]]:
    if role == "champion":
        return [(update.champion, update.policy)]
    if role == "previous":
        return [(update.previous, update.previous_policy)]
    return [(each.bundle, each.policy) for each in update.challengers if each.mode == role]


def _policy_name(policy: Policy | None) -> str:
    return policy.version if policy else "its own"
