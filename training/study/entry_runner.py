"""One entry from nothing, or from where it was left, to its record: search, scores on folds, cost."""

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
from training.study.fitting import Fit, fit
from training.study.plan import Entry
from training.study.progress import StudyProgress
from training.study.entry_record import EntryRecord
from training.study.search import Found, Search

#: Rows the cost is measured on.
_COST_ROWS = 4000


class Attempt:
    """Runs one entry.

    Args:
        entry: To be run.
        training_data: The training part and its folds.
        seeds: Of the models.
        budget: Asked before each fit.
        stopping: Set when the whole study is to end.
        progress: Told each fit.
        alarm: Told each PR-AUC.
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
        self._entry, self._training_data, self._seeds = entry, training_data, seeds
        self._budget, self._stopping, self._progress, self._alarm = budget, stopping, progress, alarm
        self._longest = 0.0  # seconds of a fit with its scoring
        self._last: Fit | None = None

    def run(self, params: Params, storage: BaseStorage, name: str) -> EntryRecord:
        """Search if the entry has trials, then score on every fold with every seed, and measure the cost.

        Args:
            params: Of the family; a search begins with them.
            storage: Of the trials.
            name: Of the search, within the storage.

        Raises:
            OutOfTimeError: If it could not be done in time.
            LeakError: If a figure is too good to be true.
        """
        started = time.perf_counter()
        entry, folds = self._entry, self._training_data.folds
        steps = len(folds) * (max(entry.trials, 1) + len(self._seeds) - 1)
        self._progress.begin(entry.key, steps)
        found, by_seed = None, list[tuple[float, ...]]()
        if entry.trials:
            found = self._search(params, storage, name)
            params = found.params
            by_seed.append(found.folds)
        by_seed += [tuple(self._scores(params, seed)) for seed in self._seeds[len(by_seed) :]]
        # Where the search was all there was, the best trial's model is gone: trials keep their figures only.
        last = self._last or fit(entry, params, self._training_data, folds[-1].train, self._seeds[0])
        return EntryRecord(
            family=entry.family,
            treatment=entry.treatment,
            legitimate_share=entry.legitimate_share,
            params=params,
            pr_auc=tuple(by_seed),
            seconds=time.perf_counter() - started,
            cost_us=self._cost(last.model),
            fit_rows=last.rows,
            trials=found.ended if found else 0,
            pruned=found.pruned if found else 0,
            cut_short=found is not None and found.ended < entry.trials,
        )

    def _search(self, params: Params, storage: BaseStorage, name: str) -> Found:
        search = Search(storage, name, self._seeds[0], params, FAMILIES[self._entry.family].suggest)
        search.run(self._entry.trials, lambda params: self._scores(params, self._seeds[0]), self._has_time_for_trial)
        found = search.best()
        if found is None:
            raise OutOfTimeError
        self._last = None
        return found

    def _has_time_for_trial(self) -> bool:
        # After it, the best one is scored with the other seeds, which takes a trial's time each.
        needed = self._longest * len(self._training_data.folds) * len(self._seeds)
        return not self._stopping.is_set() and self._budget.allows(needed)

    def _scores(self, params: Params, seed: int) -> Iterator[float]:
        """Yield the PR-AUC on one fold after the other."""
        for fold in self._training_data.folds:
            if self._stopping.is_set() or not self._budget.allows(self._longest):
                raise OutOfTimeError
            started = time.perf_counter()
            self._last = fit(self._entry, params, self._training_data, fold.train, seed)
            margin = self._last.model.margin(self._training_data.matrix[fold.validate])
            value = float(average_precision_score(self._training_data.labels[fold.validate], margin))
            self._longest = max(self._longest, time.perf_counter() - started)
            self._progress.step(self._entry.key)
            self._alarm.check_pr_auc(value, f"a fold, by {self._entry.key}")
            yield value

    def _cost(self, model: FittedModel) -> float:
        # Any calibration costs the same; the true one is fitted later, for the chosen entry only.
        graph = to_onnx(model, Calibration(model.margin_kind, 1.0, 0.0), self._training_data.features)
        rows = self._training_data.matrix[self._training_data.folds[-1].validate][:_COST_ROWS]
        return cost_us(open_session(graph), rows)
