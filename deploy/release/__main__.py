"""`python -m deploy.release`: deploy a release blue-green, roll it back by hand, or show which track serves."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import msgspec

from deploy.release.compose_command import ROOT
from deploy.release.errors import ReleaseError
from deploy.release.first import TRACK, start_first
from deploy.release.journal import Journal
from deploy.release.limits import DEFAULTS, read_limits
from deploy.release.manifests import SERVING, TRAINING
from deploy.release.record import Record
from deploy.release.rollout import Rollout
from deploy.release.target import ReleaseTarget
from deploy.release.targets import open_target
from deploy.release.tracks import Track
from schemas.errors import FraudError
from training.study.lock import single_instance

#: Environment variable with the API key for smoke tests and metrics: an option would show in the list of processes.
API_KEY = "RELEASE_API_KEY"
_FILE = click.Path(path_type=Path, dir_okay=False)


def _images(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name the images of a release."""
    serving = click.option(
        "--image", required=True, metavar="[NAME@]sha256:…", help="Serving image of the release, by digest."
    )
    training = click.option(
        "--training-image",
        metavar="[NAME@]sha256:…",
        help="Training image.  [default: archive and `watch` stay as they are]",
    )
    return serving(training(command))


_limits = click.option("--limits", type=_FILE, default=DEFAULTS, help="File with the limits.  [default: limits.yaml]")
_transactions = click.option(
    "--transactions",
    type=_FILE,
    required=True,
    help="File with transactions for the smoke tests, one JSON object per line.",
)
_out = click.option("--out", type=_FILE, help="Output file for the outcome and the steps, as JSON.")


@click.group()
def main() -> None:
    """Release a version beside the one that serves, watch both, and roll it back if it breaks a limit.

    WHERE is a target, such as kubernetes/production. The API key for smoke tests and metrics (scopes predict and
    metrics) is read from the environment variable RELEASE_API_KEY. Exit codes: 0 released; 1 rejected, and everything
    is as before; 3 incomplete, a person must finish it.
    """


@main.command()
@click.argument("where")
@_images
@_transactions
@_limits
@_out
def deploy(
    *, where: str, image: str, training_image: str | None, transactions: Path, limits: Path, out: Path | None
) -> None:
    """Deploy a release to the track that does not serve."""
    with _alone(where, _by_name(image, training_image)) as target:
        new = target.serving().other
        if any(ready for ready, _ in target.running(new).values()):
            raise ReleaseError(
                f"programs of {new} run although {new.other} serves, so a release was interrupted; see "
                '"If the tool is interrupted" in docs/how-to/roll-back.md'
            )
        journal = Journal(click.echo)
        record = Record("deploy", where, new, image)
        rollout = _rollout(target, new, limits, transactions, journal)
        with record.written_by(journal):
            rollout.deploy()
    _end(record, out)


@main.command()
@click.argument("where")
@_images
@_transactions
@_out
def first(*, where: str, image: str, training_image: str | None, transactions: Path, out: Path | None) -> None:
    """Start the first release on a compose host. There is nothing yet to compare it with.

    On Kubernetes, the overlay is applied instead.
    """
    with _alone(where, _by_name(image, training_image)) as target:
        if any(ready for track in Track for ready, _ in target.running(track).values()):
            raise click.ClickException("a release runs there already; use deploy")
        journal = Journal(click.echo)
        record = Record("first", where, TRACK, image)
        with record.written_by(journal):
            start_first(target, _lines(transactions), _headers(), journal)
    _end(record, out)


@main.command()
@click.argument("where")
@_transactions
@_limits
@_out
def rollback(*, where: str, transactions: Path, limits: Path, out: Path | None) -> None:
    """Return to the release on the other track, which served before.

    Takes seconds while its programs still run. Otherwise they are started again, with the image and settings that they
    had. Nothing is compared with the release that serves now. Ledger and archive stay.
    """
    with _alone(where, {}) as target:
        new = target.serving().other
        image = target.release(new)
        if image is None:
            raise click.ClickException(f"no release has run on {new}; use deploy with the image to return to")
        journal = Journal(click.echo)
        record = Record("rollback", where, new, image)
        rollout = _rollout(target, new, limits, transactions, journal)
        with record.written_by(journal):
            with journal.step(f"roll back by hand to {new}") as step:
                runs = all(ready for ready, _ in target.running(new).values())
                step.detail = (
                    f"its programs {'still run' if runs else 'do not run, and are started again'}, from {image}"
                )
            rollout.restore()
    _end(record, out)


@main.command()
@click.argument("where")
def status(*, where: str) -> None:
    """Show what runs on each track, and which one serves."""
    with closing(_open(where, {})) as target:
        serving = target.serving()
        for track in Track:
            counts = ", ".join(
                f"{program} {ready} of {wanted} ready" for program, (ready, wanted) in target.running(track).items()
            )
            mark = "serves" if track is serving else ""
            click.echo(f"{track:5}  {mark:6}  {counts}  {target.release(track) or 'never started'}")


def _by_name(image: str, training_image: str | None) -> dict[str, str]:
    return {SERVING: image} | ({TRAINING: training_image} if training_image else {})


def _headers() -> dict[str, str]:
    key = os.environ.get(API_KEY)
    return {"Authorization": f"Bearer {key}"} if key else {}


@contextmanager
def _alone(where: str, images: dict[str, str]) -> Iterator[ReleaseTarget]:
    """Open a target for a change. Only one change at a time is possible from this directory."""
    # Before the target, which reads its state when it is opened.
    lock = ROOT / "var" / "release" / f"{where.replace('/', '-')}.lock"
    with single_instance(lock, "release"), closing(_open(where, images)) as target:
        yield target


def _open(where: str, images: dict[str, str]) -> ReleaseTarget:
    return open_target(where, images, _headers())


def _lines(transactions: Path) -> list[bytes]:
    try:
        lines = transactions.read_bytes().splitlines()
    except OSError as error:
        raise ReleaseError(f"cannot read {transactions} ({error.strerror}); name a file with --transactions") from None
    if not lines:
        raise ReleaseError(f"{transactions} is empty; put transactions into it, one JSON object per line")
    return lines


def _rollout(target: ReleaseTarget, new: Track, limits: Path, transactions: Path, journal: Journal) -> Rollout:
    return Rollout(
        target,
        new,
        read_limits(limits),
        transactions=_lines(transactions),
        headers=_headers(),
        journal=journal,
    )


def _end(record: Record, out: Path | None) -> None:
    """Write the record, print the outcome, and exit."""
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
    click.echo(f"{record.outcome}: {record.reason or f'{record.track} serves'}")
    sys.exit(record.outcome.exit_code)


if __name__ == "__main__":
    try:
        main()
    except FraudError as error:
        sys.exit(f"release: {error}")
