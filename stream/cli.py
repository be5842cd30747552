"""The `fraud-stream` command line."""

import logging

import click

from stream.commands.command_line import LazyGroup, examples, run, version_option

#: Location and one-line description of each command.
COMMANDS = {
    "archive": (
        "stream.commands.archive:archive_command",
        "Write transactions, decisions and labels to Parquet files.",
    ),
    "backup": ("stream.commands.backup:backup", "Make, check and restore backups of ledger, bundles and roles."),
    "compare": ("stream.commands.compare:compare", "Show which decisions challengers would have changed."),
    "dead-letters": (
        "stream.commands.dead_letters:dead_letters",
        "List rejected messages, show one, or send messages again.",
    ),
    "drift": ("stream.commands.drift:drift_command", "Show how far features and scores have moved since training."),
    "http": ("stream.commands.http:http_command", "Serve decisions over HTTP."),
    "http-key": ("stream.commands.http:http_key_command", "Create an API key."),
    "kafka": ("stream.commands.kafka:kafka", "Run a single-node Kafka broker on this machine."),
    "ledger": ("stream.commands.ledger:ledger", "Write decisions, labels and role changes to a SQL database."),
    "models": ("stream.commands.models:models", "Show which models hold which roles, and all workers' states."),
    "policy": ("stream.commands.policy:policy", "Change how scores become verdicts, without a new model."),
    "produce": ("stream.commands.produce:produce", "Send the transactions in a file."),
    "replay": ("stream.commands.replay:replay_command", "Score a time range again and print which decisions differ."),
    "tail": ("stream.commands.topics:tail", "Print the messages of a topic as they arrive."),
    "topics": ("stream.commands.topics:topics", "Create the missing topics, and print their names."),
    "verify": ("stream.commands.replay:verify_command", "Recompute one decision and compare it with the original."),
    "worker": ("stream.commands.worker:worker", "Score transactions."),
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
