"""Runs one entry of a study, or resumes an interrupted entry: search, scoring on folds, and measuring the cost."""

import threading
import time
from collections.abc import Iterator

from optuna.storages import BaseStorage
from sklearn.metrics import average_precision_score

from training.bundling.export import open_session, to_onnx
from training.data.leaks import LeakAlarm
from training.data.training_data import TrainingData
from training.models.calibrate import Calibration
from training.models.cost import cost_us
from training.models.families import FAMILIES
from training.models.fitted import FittedModel, Params
from training.study.budget import Budget, OutOfTimeError
from training.study.entry_record import EntryRecord
from training.study.fitting import FitResult, fit
from training.study.plan import Entry
from training.study.progress import StudyProgress
from training.study.search import BestTrial, Search

#: Number of rows on which the cost of scoring is measured.
_COST_ROWS = 4000


class EntryRunner:
    """Runs one entry of a study.

    Args:
        entry: Entry to run.
        training_data: Training split with its folds.
        seeds: Model seeds.
        budget: Time limit, checked before each fit.
        stopping: Event that is set when the whole study must end.
        progress: Progress display, updated after each fit.
        alarm: Leak alarm that checks each PR-AUC.
    """

    def __init__(
        self,
        entry: Entry,
        training_data: TrainingData,
        seeds: tuple[int, ...],
        *,
        budget: Budget,
        stopping: threading.Event,
        progress: StudyProgress,
        alarm: LeakAlarm,
    ) -> None:
        self._entry, self._data, self._seeds = entry, training_data, seeds
        self._budget, self._stopping, self._progress, self._alarm = budget, stopping, progress, alarm
        self._longest = 0.0  # seconds of the longest fit, scoring included
        self._last: FitResult | None = None

    def run(self, params: Params, storage: BaseStorage, name: str) -> EntryRecord:
        """Search if the entry has trials, then score every fold with every seed, and measure the cost of scoring.

        Args:
            params: Default hyperparameters of the family; a search starts with them.
            storage: Storage of the trials.
            name: Name of the search within the storage.

        Raises:
            OutOfTimeError: If the budget or the user ended the study before the entry was finished.
            LeakError: If a PR-AUC is too good to be true.
        """
        started = time.perf_counter()
        entry, folds = self._entry, self._data.folds
        steps = len(folds) * (max(entry.trials, 1) + len(self._seeds) - 1)
        self._progress.begin(entry.key, steps)
        best, by_seed = None, list[tuple[float, ...]]()
        if entry.trials:
            best = self._search(params, storage, name)
            params = best.params
            by_seed.append(best.fold_scores)
        by_seed += [tuple(self._scores(params, seed)) for seed in self._seeds[len(by_seed) :]]
        # After a search with a single seed there is no fitted model: trials keep only their scores.
        last = self._last or fit(entry, params, self._data, folds[-1].train, self._seeds[0])
        return EntryRecord(
            family=entry.family,
            treatment=entry.treatment,
            legitimate_share=entry.legitimate_share,
            params=params,
            pr_auc=tuple(by_seed),
            seconds=time.perf_counter() - started,
            cost_us=self._cost(last.model),
            fit_rows=last.rows,
            trials=best.ended if best else 0,
            pruned=best.pruned if best else 0,
            cut_short=best is not None and best.ended < entry.trials,
        )

    def _search(self, params: Params, storage: BaseStorage, name: str) -> BestTrial:
        search = Search(storage, name, self._seeds[0], params, FAMILIES[self._entry.family].suggest)
        search.run(self._entry.trials, lambda params: self._scores(params, self._seeds[0]), self._has_time_for_trial)
        best = search.best()
        if best is None:
            raise OutOfTimeError
        self._last = None
        return best

    def _has_time_for_trial(self) -> bool:
        # After the search, the best trial is scored with the other seeds, and each seed takes as long as a trial.
        needed = self._longest * len(self._data.folds) * len(self._seeds)
        return not self._stopping.is_set() and self._budget.allows(needed)

    def _scores(self, params: Params, seed: int) -> Iterator[float]:
        """Yield the PR-AUC of each fold in turn."""
        for fold in self._data.folds:
            if self._stopping.is_set() or not self._budget.allows(self._longest):
                raise OutOfTimeError
            started = time.perf_counter()
            self._last = fit(self._entry, params, self._data, fold.train, seed)
            margin = self._last.model.margin(self._data.matrix[fold.validate])
            value = float(average_precision_score(self._data.labels[fold.validate], margin))
            self._longest = max(self._longest, time.perf_counter() - started)
            self._progress.step(self._entry.key)
            self._alarm.check_pr_auc(value, f"a fold, by {self._entry.key}")
            yield value

    def _cost(self, model: FittedModel) -> float:
        # The cost does not depend on the calibration, which is fitted later for the chosen entry only.
        graph = to_onnx(model, Calibration(model.margin_kind, 1.0, 0.0), self._data.features)
        rows = self._data.matrix[self._data.folds[-1].validate][:_COST_ROWS]
        return cost_us(open_session(graph), rows)
