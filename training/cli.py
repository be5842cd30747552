"""`fraud-train`: the command line of the training."""

import logging
import sys

import click

from schemas.errors import FraudError
from stream.commands.lazy import LazyGroup
from training.commands.display import examples

#: Exit codes, beside 0 and click's 2 for bad usage.
FAILED = 1
INTERRUPTED = 130
#: Where each command is.
COMMANDS = {
    "baseline": "training.commands.baseline:baseline",
    "bench": "training.commands.bench:bench",
    "card": "training.commands.card:card",
    "compare": "training.commands.compare:compare",
    "describe": "training.commands.describe:describe",
    "drift-report": "training.commands.drift_report:drift_report",
    "eda": "training.commands.eda:eda",
    "evaluate": "training.commands.evaluate:evaluate",
    "export-stream": "training.commands.parts:export_stream_command",
    "fetch-data": "training.commands.fetch_data:fetch_data",
    "history": "training.commands.history:history",
    "leaderboard": "training.commands.leaderboard:leaderboard",
    "offline-scores": "training.commands.parts:offline_scores",
    "promote": "training.commands.promote:promote",
    "publish": "training.commands.publish:publish_command",
    "quality": "training.commands.quality:quality",
    "register": "training.commands.register:register",
    "retrain": "training.commands.retrain:retrain",
    "rollback": "training.commands.rollback:rollback",
    "stage": "training.commands.stage:stage",
    "study": "training.commands.study:study",
    "watch": "training.commands.watch:watch",
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
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
