"""Leaks that were found and accepted, recorded on the study's run so that readers of its metrics know about them."""

import threading

import msgspec

from training.data.leaks import Leak
from training.study.runs import ACCEPTED, Study, StudyRuns


class AcceptedLeaks:
    """Collects accepted leaks from the leak alarm, even before there is a run to record them on."""

    def __init__(self) -> None:
        # Only the first leak of each name is kept: a model that is too good on one fold is too good on most folds.
        self._details: dict[str, str] = {}
        self._lock = threading.Lock()
        self._target: tuple[StudyRuns, Study] | None = None

    @property
    def details(self) -> dict[str, str]:
        """Details of the first leak of each name."""
        return dict(self._details)

    def record(self, leak: Leak) -> None:
        """Record a leak unless a leak with the same name has been recorded."""
        with self._lock:
            if leak.name in self._details:
                return
            self._details[leak.name] = leak.details
            self._write()

    def attach(self, runs: StudyRuns, study: Study) -> None:
        """Record the leaks so far on a study's run, and further leaks as they are found."""
        with self._lock:
            self._details = study.accepted | self._details
            self._target = (runs, study)
            self._write()

    def _write(self) -> None:
        if self._target and self._details:
            runs, study = self._target
            runs.run(study.run_id).tag(ACCEPTED, msgspec.json.encode(self._details).decode())
