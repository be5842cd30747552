"""A study whose process is killed can be resumed."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import optuna
from optuna.trial import TrialState

from tests.training.study.conftest import FinishedStudy, Workspace, make_plan
from training.registry.lineage import PARENT_RUN
from training.study.plan import entries
from training.study.search import open_storage


def test_a_killed_study_gives_the_same_result_when_resumed(
    make_workspace: Callable[[], Workspace], data_file: Path, finished_study: FinishedStudy
) -> None:
    """A study killed by SIGKILL in the middle of a trial of its third entry gives the same result when resumed.

    The two finished entries keep their runs. The unfinished entry is run again and keeps its first trial. All results
    equal those of a study that was not killed.
    """
    workspace = make_workspace()
    killed = subprocess.run(
        [sys.executable, "-m", "tests.training.study.killed", str(data_file), str(workspace.root)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    runs = workspace.runs
    study = runs.latest("small")
    assert study is not None
    assert (study.status, study.complete) == ("RUNNING", False)
    before = {key: run_id for key, (run_id, _) in runs.finished(study).items()}
    assert before.keys() == {"logistic-regression/none", "logistic-regression/class_weights"}

    outcome = workspace.run(make_plan())
    assert (outcome.resumed, outcome.study.run_id) == (True, study.run_id)
    after = {key: run_id for key, (run_id, _) in runs.finished(study).items()}
    assert after.keys() == {entry.key for entry in entries(make_plan())}
    assert {key: after[key] for key in before} == before

    children = workspace.connection.client.search_runs(
        [workspace.connection.client.get_run(study.run_id).info.experiment_id],
        f"tags.`{PARENT_RUN}` = '{study.run_id}'",
    )
    assert [run.info.run_name for run in children if run.info.status == "KILLED"] == ["xgboost/none"]
    search = optuna.load_study(
        study_name=f"{study.run_id}/xgboost/none", storage=open_storage(f"sqlite:///{workspace.root / 'trials.db'}")
    )
    assert [trial.state for trial in search.trials] == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE]

    uninterrupted = {record.key: (record.params, record.pr_auc) for record in finished_study.outcome.records}
    assert {record.key: (record.params, record.pr_auc) for record in outcome.records} == uninterrupted
