"""`fraud-stream policy`: the policies that turn scores into verdicts."""

import click
from rich.console import Console
from rich.table import Table

from schemas.errors import RolesError
from schemas.messages import Challenger, ModelUpdate, Policy
from stream.commands.command_line import examples
from stream.commands.formatting import utc_time
from stream.commands.role_change_options import author_option, confirmation, epoch_option, reason_option
from stream.control.role_changes import add_challenger, combine_changes, set_policy
from stream.control.role_reader import all_roles
from stream.control.role_writer import change_roles
from stream.settings import read_settings

_PROBABILITY = click.FloatRange(0, 1)


@click.group(
    epilog=examples(
        'fraud-stream policy set --version strict --review 0.1 --decline 0.6 --reason "wave of fraud"',
        'fraud-stream policy set --version by-loss --review-cost 500 --decline 0.9 --reason "large amounts first"',
        'fraud-stream policy set --shadow --version lax --review 0.3 --decline 0.9 --reason "would save reviews"',
        "fraud-stream policy history",
    )
)
def policy() -> None:
    """Change how scores become verdicts, without a new model."""


@policy.command(name="set")
@click.option("--version", help="Name of the policy, recorded in every decision that it makes.")
@click.option("--review", type=_PROBABILITY, help="Review transactions that score at least this.")
@click.option(
    "--review-cost",
    type=click.IntRange(1),
    help="Cost of a review in minor units; review transactions whose score x amount is at least this.",
)
@click.option("--decline", type=_PROBABILITY, help="Decline transactions that score at least this.")
@click.option("--own", is_flag=True, help="Return to the policy in the champion's manifest.")
@click.option(
    "--shadow",
    is_flag=True,
    help="Add the policy in shadow mode, where it decides nothing, instead of replacing the champion's policy.",
)
@reason_option
@author_option
@epoch_option
def set_command(
    *,
    version: str | None,
    review: float | None,
    review_cost: int | None,
    decline: float | None,
    own: bool,
    shadow: bool,
    reason: str,
    author: str,
    epoch: int | None,
) -> None:
    """Give the champion another policy, which takes effect with the next batch.

    A policy has a threshold for review (--review, or --review-cost for review by expected loss) and one for decline.
    """
    wanted = None if own else _policy(version, review, review_cost, decline)
    if own and (shadow or any(given is not None for given in (version, review, review_cost, decline))):
        raise click.UsageError("--own cannot be combined with options that set another policy, or with --shadow")

    def change(last: ModelUpdate | None) -> ModelUpdate:
        if shadow and last is not None:
            return combine_changes([add_challenger(Challenger(last.champion, policy=wanted))])(last)
        return combine_changes([set_policy(wanted)])(last)

    settings = read_settings()
    update = change_roles(settings.kafka, settings.topic, change, author=author, note=reason, expected_epoch=epoch)
    click.echo(confirmation(update))


@policy.command(epilog=examples("fraud-stream policy history"))
def history() -> None:
    """Show every policy that the champion has had, newest first, with author and reason."""
    table = Table("epoch", "when", "champion", "policy", "author", "reason")
    before: tuple[str, Policy | None] | None = None
    rows = []
    settings = read_settings()
    for update in all_roles(settings.kafka, settings.topic):
        current = (update.champion.sha256, update.policy)
        if current != before:
            rows.append(
                (
                    str(update.epoch),
                    utc_time(update.written_at_ms),
                    update.champion.path,
                    describe(update.policy),
                    update.author,
                    update.note,
                )
            )
        before = current
    for row in reversed(rows):
        table.add_row(*row)
    Console().print(table)


def describe(policy: Policy | None) -> str:
    """Describe a policy in one line.

    >>> describe(Policy("strict", 0.1, 0.6))
    'strict: review from 0.1, decline from 0.6'
    >>> describe(Policy("by-loss", 0.0, 0.9, "expected_loss", 500))
    'by-loss: review if score x amount reaches 500, decline from 0.9'
    """
    if policy is None:
        return "its own"
    if policy.kind == "expected_loss":
        reviewed = f"if score x amount reaches {policy.review_cost_minor}"
        return f"{policy.version}: review {reviewed}, decline from {policy.decline:g}"
    return f"{policy.version}: review from {policy.review:g}, decline from {policy.decline:g}"


def _policy(version: str | None, review: float | None, review_cost: int | None, decline: float | None) -> Policy:
    if version is None or decline is None or (review is None) == (review_cost is None):
        raise click.UsageError("a policy needs --version, --decline, and one of --review and --review-cost")
    try:
        if review_cost is not None:
            return Policy(version, 0.0, decline, "expected_loss", review_cost)
        return Policy(version, review or 0.0, decline)
    except ValueError as error:
        raise RolesError(f"{error}; choose different thresholds") from error
