"""The `fraud-stream` command line."""

import logging

import click

from stream.commands.command_line import LazyGroup, examples, run, version_option

#: Location of each command, `module:attribute`.
COMMANDS = {
    "archive": "stream.commands.archive:archive_command",
    "compare": "stream.commands.compare:compare",
    "dead-letters": "stream.commands.dead_letters:dead_letters",
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
        "fraud-stream kafka                                   # in its own terminal",
        "fraud-stream topics",
        "fraud-train baseline --bootstrap 127.0.0.1:9092",
        "fraud-stream worker                                  # in its own terminal",
        "fraud-stream produce var/data/test.jsonl --rate 2000",
        "fraud-stream tail alerts",
    ),
)
@version_option
def cli() -> None:
    """Score card transactions on Kafka.

    Settings are FRAUD_... environment variables; .env.example lists them with their units and defaults.
    """
    # The Kafka client retries by itself, and its log lines would only distract from the output of a one-off command.
    logging.getLogger("stream").setLevel(logging.ERROR)


def main() -> None:
    """Run the command line; see `run` for the exit codes."""
    run(cli, "fraud-stream")


if __name__ == "__main__":
    main()
