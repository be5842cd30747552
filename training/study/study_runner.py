"""Runs the entries of a study two at a time, and resumes a study that was killed.

Entries run in parallel with one thread each, instead of one after the other on all cores: a logistic regression, a
small neural network or a small booster gains little from a second core, whereas two entries use both cores fully.
Threads are used instead of processes because the libraries release Python's lock while they fit, the matrix is in
memory only once, and a kill ends everything at once.
"""

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from optuna.storages import BaseStorage
from threadpoolctl import threadpool_limits

from schemas.errors import LeakError, RegistryError
from training.data.leaks import LeakAlarm
from training.data.training_data import TrainingData
from training.models.families import FAMILIES
from training.models.fitted import Params
from training.models.stack import ALGORITHM as STACK
from training.study.budget import Budget, OutOfTimeError
from training.study.entry_record import EntryRecord
from training.study.entry_runner import EntryRunner
from training.study.fitting import stack_params
from training.study.left_out import LeftOut
from training.study.plan import Entry, StudyPlan, entries
from training.study.progress import StudyProgress
from training.study.runs import Study, StudyRuns
from training.study.selection import rank

#: Number of entries that run in parallel.
WORKERS = 2
_NO_TIME = LeftOut("no time was left")


class StudyRunner:
    """Runs the entries of a study that are not finished.

    Args:
        plan: Plan of the study.
        training_data: Training split with its folds.
        study: Study to run, read from its parent run.
        runs: Access to the studies in MLflow.
        storage: Storage of Optuna's trials.
        budget: Time limit.
        progress: Progress display.
        alarm: Leak alarm that checks each PR-AUC.
    """

    def __init__(
        self,
        plan: StudyPlan,
        training_data: TrainingData,
        study: Study,
        runs: StudyRuns,
        storage: BaseStorage,
        *,
        budget: Budget,
        progress: StudyProgress,
        alarm: LeakAlarm,
    ) -> None:
        self._plan, self._data, self._study, self._runs, self._storage = plan, training_data, study, runs, storage
        self._budget, self._progress, self._alarm = budget, progress, alarm
        self._stopping = threading.Event()
        self._finished = {key: record for key, (_, record) in runs.finished(study).items()}
        self._left_out: dict[str, LeftOut] = {}

    def run(self) -> Mapping[str, LeftOut]:
        """Run every entry that is not finished; return the entries that were left out, by key.

        Raises:
            LeakError: If a PR-AUC is too good to be true; no further entry is run.
            RegistryError: If MLflow is unavailable; entries that were not logged are run again by the next call.
        """
        planned = entries(self._plan)
        single = {entry: FAMILIES[entry.family].params for entry in planned if entry.family != STACK}
        with self._progress.shown(len(planned)):
            self._run_all(single)
            if stacks := [entry for entry in planned if entry.family == STACK]:
                self._run_stacks(stacks)
        return self._left_out

    def _run_stacks(self, stacks: Iterable[Entry]) -> None:
        best: dict[str, EntryRecord] = {}
        for record in rank([record for record in self._finished.values() if record.family != STACK]):
            best.setdefault(record.family, record)
        if len(best) < self._plan.stack_members:
            reason = f"it needs {self._plan.stack_members} finished families, and there are {len(best)}"
            for entry in stacks:
                self._leave_out(entry, LeftOut(reason))
            return
        params = stack_params(list(best.values())[: self._plan.stack_members])
        self._run_all(dict.fromkeys(stacks, params))

    def _run_all(self, wanted: Mapping[Entry, Params]) -> None:
        # A second BLAS thread per entry would only compete with the other entry.
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(WORKERS) as pool:
            try:
                futures = [pool.submit(self._run_one, entry, params) for entry, params in wanted.items()]
                for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                    future.result()
            except BaseException:
                # After any error, including Ctrl-C, running entries end after their current fit.
                self._stopping.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _run_one(self, entry: Entry, params: Params) -> None:
        if self._is_finished(entry, params):
            self._progress.end(entry.key, None)
            return
        if self._stopping.is_set() or not self._budget.allows(0):
            self._leave_out(entry, _NO_TIME)
            return
        runner = EntryRunner(
            entry,
            self._data,
            self._plan.seeds,
            budget=self._budget,
            stopping=self._stopping,
            progress=self._progress,
            alarm=self._alarm,
        )
        try:
            with self._runs.entry(self._study, entry) as run_id:
                record = runner.run(params, self._storage, f"{self._study.run_id}/{entry.key}")
                self._runs.finish(run_id, record)
        except OutOfTimeError:
            self._leave_out(entry, _NO_TIME)
        except (LeakError, RegistryError):
            raise
        except Exception as error:  # noqa: BLE001  # an entry that cannot be fitted must not end the others
            reason = f"failed: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
            self._leave_out(entry, LeftOut(reason, failed=True))
        else:
            self._finished[record.key] = record
            if record.cut_short:
                self._left_out[record.key] = LeftOut(f"cut short after {record.trials} of {entry.trials} trials")
            self._progress.end(
                entry.key, f"PR-AUC {record.mean:.4f} ± {record.standard_error:.4f}, {record.cost_us:.1f} µs per row"
            )

    def _is_finished(self, entry: Entry, params: Params) -> bool:
        record = self._finished.get(entry.key)
        if record is None or record.cut_short:
            return False
        # A stack is fitted again if other entries have become its best members.
        return entry.family != STACK or record.params == params

    def _leave_out(self, entry: Entry, left_out: LeftOut) -> None:
        self._left_out[entry.key] = left_out
        self._progress.end(entry.key, f"left out, {left_out.reason}")
