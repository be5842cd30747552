"""`fraud-train`: the command line for training, the registry and reports."""

import logging

import click

from stream.commands.command_line import LazyGroup, examples, run, version_option

#: Module and attribute of each command.
COMMANDS = {
    "baseline": "training.commands.baseline:baseline",
    "card": "training.commands.card:card",
    "compare": "training.commands.compare:compare",
    "describe": "training.commands.describe:describe",
    "drift-report": "training.commands.drift_report:drift_report",
    "eda": "training.commands.eda:eda",
    "evaluate": "training.commands.evaluate:evaluate",
    "export-stream": "training.commands.export_stream:export_stream_command",
    "fetch-data": "training.commands.fetch_data:fetch_data",
    "history": "training.commands.history:history",
    "leaderboard": "training.commands.leaderboard:leaderboard",
    "offline-scores": "training.commands.offline_scores:offline_scores",
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
        "fraud-train promote 4 --reason 'fewer false alarms' --bootstrap 127.0.0.1:9092",
    ),
)
@version_option
def cli() -> None:
    """Train and evaluate fraud models offline, register them, and hand them to the stream."""


def main() -> None:
    """Run the command line and exit with its exit code."""
    # librdkafka logs each retry; a lasting failure is raised as an error, so the log would only repeat that error.
    logging.getLogger("stream").setLevel(logging.CRITICAL)
    run(cli, "fraud-train")


if __name__ == "__main__":
    main()
