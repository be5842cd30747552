"""`fraud-stream`: the command line of the stream."""

import logging
import sys

import click

from schemas.errors import FraudError
from stream.commands.display import examples
from stream.commands.lazy import LazyGroup
from stream.kafka.program import FAILED

#: Exit code of a command that was interrupted, beside 0, FAILED and click's 2 for bad usage.
INTERRUPTED = 130
#: Where each command is.
COMMANDS = {
    "archive": "stream.commands.archive:archive_command",
    "bench": "stream.commands.bench:bench",
    "compare": "stream.commands.compare:compare",
    "drift": "stream.commands.drift:drift_command",
    "http": "stream.commands.http:http_command",
    "http-key": "stream.commands.http:http_key_command",
    "kafka": "stream.commands.kafka:kafka",
    "ledger": "stream.commands.ledger:ledger",
    "models": "stream.commands.models:models",
    "policy": "stream.commands.policy:policy",
    "produce": "stream.commands.produce:produce",
    "replay": "stream.commands.replay:replay_command",
    "tail": "stream.commands.topics:tail",
    "topics": "stream.commands.topics:topics",
    "verify": "stream.commands.replay:verify_command",
    "worker": "stream.commands.worker:worker",
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "fraud-stream kafka                                   # in a terminal of its own",
        "fraud-stream topics",
        "fraud-train baseline --bootstrap 127.0.0.1:9092",
        "fraud-stream worker                                  # in a terminal of its own",
        "fraud-stream produce var/data/test.jsonl --rate 2000",
        "fraud-stream tail alerts",
    ),
)
def cli() -> None:
    """Score card transactions on Kafka.

    Settings are FRAUD_... environment variables; .env.example names each with unit and default.
    """
    # What the Kafka client tries again by itself is no news to whoever waits for one command.
    logging.getLogger("stream").setLevel(logging.ERROR)


def main() -> None:
    """Run the command line: 0 done, 1 failed with one line on stderr, 2 bad usage."""
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except FraudError as error:
        click.echo(f"fraud-stream: {error}", err=True)
        sys.exit(FAILED)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
