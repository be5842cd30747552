"""Leaks that were found and accepted, noted on the study's run for whoever reads its figures."""

import threading

import msgspec

from training.data.leaks import Leak
from training.study.runs import ACCEPTED, Study, StudyRuns


class AcceptedLeaks:
    """Takes what the alarm reports, before there is a run to note it on and after."""

    def __init__(self) -> None:
        # Of each kind the first: a model too good on one fold is so on most.
        self._found: dict[str, str] = {}
        self._lock = threading.Lock()
        self._place: tuple[StudyRuns, Study] | None = None

    @property
    def found(self) -> dict[str, str]:
        """What was seen, by the leak's name."""
        return dict(self._found)

    def record(self, leak: Leak) -> None:
        """Note a leak, once of each kind."""
        with self._lock:
            if leak.name in self._found:
                return
            self._found[leak.name] = leak.what
            self._write()

    def attach(self, runs: StudyRuns, study: Study) -> None:
        """Say where to note them from now on, and note what was found before."""
        with self._lock:
            self._found = study.accepted | self._found
            self._place = (runs, study)
            self._write()

    def _write(self) -> None:
        if self._place and self._found:
            runs, study = self._place
            runs.run(study.run_id).tag(ACCEPTED, msgspec.json.encode(self._found).decode())
