"""`fraud-train`: the command line for training, the registry and reports."""

import logging

import click

from stream.commands.command_line import LazyGroup, examples, run, version_option

#: Location and one-line description of each command.
COMMANDS = {
    "baseline": ("training.commands.baseline:baseline", "Train the baseline: a champion and two challengers."),
    "card": ("training.commands.card:card", "Write the model card of a version."),
    "compare": ("training.commands.compare:compare", "Compare a study's entries and the champion."),
    "describe": ("training.commands.describe:describe", "Draft a description of a data file."),
    "drift-report": (
        "training.commands.drift_report:drift_report",
        "Measure a file's drift from a bundle's reference.",
    ),
    "eda": ("training.commands.eda:eda", "Report on the training data."),
    "evaluate": ("training.commands.evaluate:evaluate", "Evaluate a study's chosen model on the test set."),
    "export-stream": (
        "training.commands.export_stream:export_stream_command",
        "Write one split of the data as transactions.",
    ),
    "fetch-data": ("training.commands.fetch_data:fetch_data", "Download the ULB credit-card data."),
    "history": ("training.commands.history:history", "Show every change to the champion or challengers."),
    "leaderboard": ("training.commands.leaderboard:leaderboard", "Show the entries of a study, best first."),
    "offline-scores": ("training.commands.offline_scores:offline_scores", "Score one split of the data offline."),
    "promote": ("training.commands.promote:promote", "Make a version the champion."),
    "publish": ("training.commands.publish:publish_command", "Publish the last baseline's models again."),
    "quality": ("training.commands.quality:quality", "Measure how much a study's metrics vary over seeds."),
    "register": ("training.commands.register:register", "Register the model of a run as a version."),
    "retrain": ("training.commands.retrain:retrain", "Request a retrained model."),
    "rollback": ("training.commands.rollback:rollback", "Make the previous champion the champion again."),
    "stage": ("training.commands.stage:stage", "Stage a version, or make it a challenger."),
    "study": ("training.commands.study:study", "Compare model families and build the best model."),
    "validate": ("training.commands.validate:validate", "Check a bundle against the thresholds for registration."),
    "watch": ("training.commands.watch:watch", "Promote gate winners and handle retraining requests."),
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
