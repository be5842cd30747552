"""Hyperparameter search: Optuna's TPE with median pruning. An interrupted search gives the same result when resumed.

J. Bergstra et al., "Algorithms for Hyper-Parameter Optimization", 2011 (TPE); D. Golovin et al., "Google Vizier",
2017 (median stopping rule).
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from schemas.errors import StudyError

Params = dict[str, Any]

#: Number of trials drawn at random before TPE starts to learn.
_STARTUP = 5
#: Number of folds that are always scored. The first folds contain the fewest frauds and say the least.
_WARMUP_FOLDS = 1
#: Seconds that a writer waits for SQLite, which allows one writer at a time.
_LOCK_TIMEOUT = 60
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
#: User attributes of a trial: its scores by fold, and all its hyperparameters; Optuna stores only drawn ones.
_FOLDS, _PARAMS = "folds", "params"


@dataclass(frozen=True)
class BestTrial:
    """The best trial so far, and the number of trials.

    Attributes:
        params: All hyperparameters.
        fold_scores: Score on each fold.
        ended: Number of completed and pruned trials.
        pruned: Number of pruned trials.
    """

    params: Params
    fold_scores: tuple[float, ...]
    ended: int
    pruned: int


def open_storage(url: str) -> BaseStorage:
    """Open Optuna's storage, and create it if it does not exist.

    Args:
        url: SQLAlchemy URL of the storage.

    Raises:
        StudyError: If the storage cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    arguments = {"connect_args": {"timeout": _LOCK_TIMEOUT}} if url.startswith("sqlite") else {}
    try:
        return RDBStorage(url, engine_kwargs=arguments)
    except (SQLAlchemyError, ImportError, RuntimeError) as error:
        # The part of the URL before @ may contain a password.
        where = url.rpartition("@")[2]
        reason = str(error).partition("\n")[0]
        raise StudyError(f"cannot open the storage for Optuna's trials, {where} ({reason}); check --storage") from error


class Search:
    """The trials of one entry.

    Args:
        storage: Storage of the trials, including those of earlier processes.
        name: Name of the search within the storage.
        seed: Random seed. Trial k draws with `seed` + k in any process, so a killed search resumes exactly.
        first: Hyperparameters of the first trial: the family's defaults, so that the best trial is never worse.
        draw: Function that draws the hyperparameters of every other trial.
    """

    def __init__(
        self, storage: BaseStorage, name: str, seed: int, first: Params, draw: Callable[[Trial], Params]
    ) -> None:
        self._storage, self._name, self._seed, self._first, self._draw = storage, name, seed, first, draw
        self._study = self._open(0)
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            # The process of this trial was killed. The next trial has a new number but draws the same hyperparameters.
            self._study.tell(trial.number, state=TrialState.FAIL)

    def run(self, trials: int, score: Callable[[Params], Iterator[float]], may_start: Callable[[], bool]) -> None:
        """Run the trials that have not been run yet.

        Args:
            trials: Total number of trials, including those of earlier processes.
            score: Function that yields the score of the given hyperparameters on each fold in turn.
            may_start: Function that is called before each trial; the search ends when it returns False.
        """
        while (ended := len(self._ended())) < trials and may_start():
            self._study = self._open(ended)
            trial = self._study.ask()
            params = self._draw(trial) if ended else self._first
            trial.set_user_attr(_PARAMS, params)
            values: list[float] = []
            for fold, value in enumerate(score(params)):
                values.append(value)
                trial.report(self._lead(values), fold)
                if trial.should_prune():
                    self._study.tell(trial, state=TrialState.PRUNED)
                    break
            else:
                trial.set_user_attr(_FOLDS, values)
                self._study.tell(trial, float(np.mean(values)))

    def best(self) -> BestTrial | None:
        """Return the best trial that was scored on every fold; None if there is none."""
        ended = self._ended()
        complete = [trial for trial in ended if trial.state is TrialState.COMPLETE]
        if not complete:
            return None
        # If several trials have equal scores, take the first, as an uninterrupted search does.
        best = max(complete, key=lambda trial: (trial.value or 0.0, -trial.number))
        return BestTrial(
            best.user_attrs[_PARAMS], tuple(best.user_attrs[_FOLDS]), len(ended), len(ended) - len(complete)
        )

    def _lead(self, values: list[float]) -> float:
        """Return the mean lead over the first trial on the folds so far.

        The median rule compares a trial's best value so far with the other trials' values at the same step. Scores
        differ more between folds than between hyperparameters, so with plain scores a single easy fold would protect
        every trial from being pruned.
        """
        first = next((trial.user_attrs[_FOLDS] for trial in self._ended() if _FOLDS in trial.user_attrs), values)
        return float(np.mean(np.subtract(values, first[: len(values)])))

    def _ended(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=_ENDED)

    def _open(self, ended: int) -> optuna.Study:
        return optuna.create_study(
            storage=self._storage,
            study_name=self._name,
            load_if_exists=True,
            direction="maximize",
            sampler=TPESampler(seed=self._seed + ended, n_startup_trials=_STARTUP),
            pruner=MedianPruner(n_startup_trials=_STARTUP, n_warmup_steps=_WARMUP_FOLDS),
        )
