"""Running a study's entries, two at a time, and going on where an earlier process was killed.

Entries run side by side, each on one thread, instead of one after the other on all cores: a logistic regression, a net
or a small booster gains little from a second core, two entries gain all of it. Threads and not processes: the
libraries release Python's lock while they fit, the matrix is there once, and a kill ends everything at once.
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
from training.study.selection import rank
from training.study.entry_runner import Attempt
from training.study.fitting import stack_params
from training.study.plan import Entry, StudyPlan, entries
from training.study.progress import StudyProgress
from training.study.entry_record import EntryRecord
from training.study.runs import FAILED, Study, StudyRuns

#: Entries that run side by side.
WORKERS = 2
_NO_TIME = "no time was left"


class Conductor:
    """Runs what is missing of a study.

    Args:
        plan: What is to be run.
        training_data: What it is run on.
        study: Its parent run.
        runs: Of MLflow.
        storage: Of the trials.
        budget: How long it may take.
        progress: Told what begins and ends.
        alarm: Told each PR-AUC.
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
        self._plan, self._training_data, self._study, self._runs, self._storage = plan, training_data, study, runs, storage
        self._budget, self._progress, self._alarm = budget, progress, alarm
        self._stopping = threading.Event()
        self._finished = {key: record for key, (_, record) in runs.finished(study).items()}
        self._left_out: dict[str, str] = {}

    def run(self) -> Mapping[str, str]:
        """Run everything that is not finished yet; return what was left out, with the reason.

        Raises:
            LeakError: If a figure is too good to be true; nothing more is run.
            RegistryError: If MLflow is away; what is not logged will be run again.
        """
        planned = entries(self._plan)
        members = {entry: FAMILIES[entry.family].params for entry in planned if entry.family != STACK}
        with self._progress.shown(len(planned)):
            self._run_all(members)
            if stacks := [entry for entry in planned if entry.family == STACK]:
                self._run_stacks(stacks)
        return self._left_out

    def _run_stacks(self, stacks: Iterable[Entry]) -> None:
        best: dict[str, EntryRecord] = {}
        for record in rank([record for record in self._finished.values() if record.family != STACK]):
            best.setdefault(record.family, record)
        if len(best) < self._plan.stack_members:
            reason = f"{self._plan.stack_members} finished families are needed, there are {len(best)}"
            for entry in stacks:
                self._leave_out(entry, reason)
            return
        params = stack_params(list(best.values())[: self._plan.stack_members])
        self._run_all(dict.fromkeys(stacks, params))

    def _run_all(self, wanted: Mapping[Entry, Params]) -> None:
        # Two BLAS threads an entry would only wait for each other.
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(WORKERS) as pool:
            try:
                futures = [pool.submit(self._run_one, entry, params) for entry, params in wanted.items()]
                for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                    future.result()
            except BaseException:
                # Whatever it was, Ctrl-C too: what has begun ends after its present fit.
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
        attempt = Attempt(
            entry,
            self._training_data,
            self._plan.seeds,
            budget=self._budget,
            stopping=self._stopping,
            progress=self._progress,
            alarm=self._alarm,
        )
        try:
            with self._runs.entry(self._study, entry) as run_id:
                record = attempt.run(params, self._storage, f"{self._study.run_id}/{entry.key}")
                self._runs.finish(run_id, record)
        except OutOfTimeError:
            self._leave_out(entry, _NO_TIME)
        except (LeakError, RegistryError):
            raise
        except Exception as error:  # noqa: BLE001  # one entry that can't be fitted must not end the others
            self._leave_out(entry, f"{FAILED}{type(error).__name__}: {str(error).partition(chr(10))[0]}")
        else:
            self._finished[record.key] = record
            if record.cut_short:
                self._left_out[record.key] = f"cut short after {record.trials} of {entry.trials} trials"
            self._progress.end(
                entry.key, f"PR-AUC {record.mean:.4f} ± {record.standard_error:.4f}, {record.cost_us:.1f} µs a row"
            )

    def _is_finished(self, entry: Entry, params: Params) -> bool:
        record = self._finished.get(entry.key)
        if record is None or record.cut_short:
            return False
        # A stack is made again when others have become the best.
        return entry.family != STACK or record.params == params

    def _leave_out(self, entry: Entry, reason: str) -> None:
        self._left_out[entry.key] = reason
        self._progress.end(entry.key, f"left out, {reason}")
