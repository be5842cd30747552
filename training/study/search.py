"""The search for parameters: Optuna's TPE with median pruning, the same after a kill as without one.

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

#: Trials drawn at random before TPE has something to learn from.
_STARTUP = 5
#: Folds that are always scored: the first ones hold the fewest frauds and say least.
_WARMUP_FOLDS = 1
#: Seconds that a writer waits for another; SQLite takes one at a time.
_LOCK_TIMEOUT = 60
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
#: A trial's scores by fold, kept with it.
_FOLDS = "folds"
#: All parameters of a trial; Optuna itself knows only those it drew.
_PARAMS = "params"


@dataclass(frozen=True)
class Found:
    """The best trial so far."""

    params: Params
    #: Its score on each fold.
    folds: tuple[float, ...]
    #: Trials that ended, pruned ones among them.
    ended: int
    pruned: int


def open_storage(url: str) -> BaseStorage:
    """Open Optuna's storage, any SQLAlchemy URL; made when it is not there.

    Raises:
        StudyError: If it can't be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    arguments = {"connect_args": {"timeout": _LOCK_TIMEOUT}} if url.startswith("sqlite") else {}
    try:
        return RDBStorage(url, engine_kwargs=arguments)
    except (SQLAlchemyError, ImportError, RuntimeError) as error:
        # The URL may carry a password.
        where = url.rpartition("@")[2]
        reason = str(error).partition("\n")[0]
        raise StudyError(f"the trials' storage {where} cannot be opened ({reason}); see --storage") from error


class Search:
    """One entry's trials.

    Args:
        storage: That keeps the trials, here or in an earlier process.
        name: Of the search, within the storage.
        seed: Trial k draws from `seed` + k whatever process runs it, so a search that was killed goes on exactly as
            it would have.
        first: The first trial's parameters, the family's own: a search never ends below them.
        draw: Draws every other trial's.
    """

    def __init__(
        self, storage: BaseStorage, name: str, seed: int, first: Params, draw: Callable[[Trial], Params]
    ) -> None:
        self._storage, self._name, self._seed, self._first, self._draw = storage, name, seed, first, draw
        self._study = self._open(0)
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            # Half done when its process was killed. Its number is lost; what it would have drawn is not.
            self._study.tell(trial.number, state=TrialState.FAIL)

    def run(self, trials: int, score: Callable[[Params], Iterator[float]], may_start: Callable[[], bool]) -> None:
        """Run what is missing of so many trials.

        Args:
            trials: In all, those of earlier processes among them.
            score: Scores parameters on one fold after the other.
            may_start: Asked before each trial; no ends the search.
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

    def best(self) -> Found | None:
        """Return the best trial that was scored on every fold, None where there is none."""
        ended = self._ended()
        complete = [trial for trial in ended if trial.state is TrialState.COMPLETE]
        if not complete:
            return None
        # Of equal ones the first, as an uninterrupted search would have it.
        best = max(complete, key=lambda trial: (trial.value or 0.0, -trial.number))
        return Found(best.user_attrs[_PARAMS], tuple(best.user_attrs[_FOLDS]), len(ended), len(ended) - len(complete))

    def _lead(self, values: list[float]) -> float:
        """Return the mean lead over the first trial on the folds so far.

        Folds differ more than parameters do, and the median rule compares a trial's best step with the others' same
        step: of bare scores, one easy fold would shield every trial.
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
