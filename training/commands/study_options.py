"""Options that the commands about studies share."""

from pathlib import Path

import click

from training.commands.options import VAR

#: Names of the plans in `CONFIGS`.
DEFAULT_PLAN, QUICK_PLAN, SPLIT_PLAN = "study-default.yaml", "study-quick.yaml", "study-stratified.yaml"
#: Database for Optuna's trials, and lock file that allows only one study at a time.
TRIALS, STUDY_LOCK = VAR / "study-trials.db", VAR / "study.lock"
CONFIGS = Path(__file__).parents[1] / "configs"

name_option = click.option("--study", "name", help="Name of the study.  [default: the newest study]")
accept_option = click.option(
    "--accept-leak",
    "accepted",
    multiple=True,
    metavar="NAME",
    help="Accept the leak NAME: if the leak alarm finds this leak, record it and continue. May be repeated.",
)
alerts_option = click.option(
    "--alerts-per-day",
    type=click.IntRange(min=1),
    help="Number of alerts that analysts can review in a day; the deployed policy raises as many as this "
    "limit allows.  [default: the policy with the lowest expected cost]",
)
review_cost_option = click.option(
    "--review-cost", type=click.IntRange(min=1), help="Cost of one review in minor units.  [default: 500]"
)
