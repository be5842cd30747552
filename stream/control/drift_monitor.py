"""The drift watch: one worker of all adds the counts of all up, closes windows, and says what has moved.

Every worker stands for election; the one that holds the only partition of `drift-counts` merges. Reports are all the
state there is: whoever is elected reads the newest of each bundle, then the counts that no report has yet. Two that
both believe they are elected, as after a freeze, write the same reports; readers take the first of a number.
"""

import logging
import time
from collections import deque

import msgspec

from schemas.messages import DriftCounts, DriftReport
from stream.control.drift_metrics import DriftMetrics
from stream.control.drift_reports import ReportWriter, counts_end, read_reports
from stream.control.elected_task import ElectedTask
from stream.control.election import ElectedReader, Found
from stream.control.manifests import Manifests
from stream.control.retrain_requests import request_retraining, new_request
from stream.drift.alarm_rule import drift_limits
from stream.drift.counts_merger import CountsMerger
from stream.settings import Settings

log = logging.getLogger(__name__)

#: Who wrote a request for retraining.
AUTHOR = "fraud-drift"
#: Seconds to wait for counts; also how soon a stop is noticed.
POLL_S = 0.2
#: Seconds between two looks at the rolling statistics; they take 3 ms a model.
SHOW_S = 5.0
#: Seconds after which a champion that still alarms is asked for again: the cool-down is days, and asking reads a topic.
ASK_S = 3600.0
#: Columns that a request names.
NAMED = 5

_decoder = msgspec.json.Decoder(DriftCounts)


class DriftMonitor(ElectedTask):
    """Watches on a thread of its own, while elected.

    Args:
        settings: Addresses, topics, limits.
        manifests: Of the bundles that play.
        metrics: Shows what is seen.
    """

    def __init__(self, settings: Settings, manifests: Manifests, metrics: DriftMetrics) -> None:
        super().__init__("drift", on=settings.drift.monitor == "on", show=metrics.elected)
        self._settings = settings
        self._manifests = manifests
        self._metrics = metrics
        self._limits = drift_limits(settings)
        self._forget()

    def _stand(self) -> ElectedReader:
        self._writer = ReportWriter(self._settings)
        group = f"{self._settings.kafka.group}-drift"
        return ElectedReader(self._settings, self._settings.topic.drift_counts, group, self._elect, start=self._restore)

    def _work(self, reader: ElectedReader) -> None:
        self._try(lambda: self._read(reader))
        self._try(self._take)
        self._try(self._ask)
        self._show()

    def _forget(self) -> None:
        self._pending: deque[Found] = deque()
        self._unwritten: list[DriftReport] = []
        self._alarmed: dict[str, DriftReport] = {}
        self._ask_at: dict[str, float] = {}
        # By instance of a worker, the newest sequence: where delivery is at least once a message may come again.
        self._sequences: dict[str, int] = {}
        self._said: set[str] = set()
        self._show_at = 0.0
        self._merger = self._new_merger()

    def _new_merger(self) -> CountsMerger:
        return CountsMerger(self._manifests.of, self._limits, self._leave_out)

    def _restore(self) -> int:
        self._merger = self._new_merger()
        offset = self._merger.restore(read_reports(self._settings))
        if offset > (end := counts_end(self._settings)):
            counts, reports = self._settings.topic.drift_counts, self._settings.topic.drift_reports
            log.error(
                "%s ends at %d and %s goes on from %d: it was made anew; windows begin anew, make %s anew too",
                *(counts, end, reports, offset, reports),
            )
            self._merger, offset = self._new_merger(), 0
        log.info("drift: counts are read from offset %d on", offset)
        return offset

    def _read(self, reader: ElectedReader) -> None:
        found = reader.read_with_offsets(0 if self._pending else POLL_S)  # an election in its midst empties what is pending
        self._pending.extend(found)

    def _take(self) -> None:
        self._write()
        while self._pending and not self._stopping.is_set():
            offset, raw = self._pending[0]
            counts = decode_counts(raw)
            if counts is not None and self._sequences.get(counts.instance, 0) < counts.sequence:
                self._unwritten += self._merger.add(offset, counts)  # while the store is away it stays pending
                self._sequences[counts.instance] = counts.sequence
            self._pending.popleft()
            self._write()

    def _write(self) -> None:
        """Write what is closed before anything further is read: the next to be elected begins behind it."""
        if not self._unwritten:
            return
        self._writer.write(self._unwritten)
        for report in self._unwritten:
            self._metrics.reported(report, self._limits.windows_in_a_row)
            moved = alarms(report)
            if moved:
                log.warning("drift of model %s %s, window %d: %s", report.name, report.version, report.number, moved)
                if report.decides:
                    self._alarmed[report.bundle_sha256] = report
        self._unwritten = []

    def _ask(self) -> None:
        """Ask for another model in the place of a champion whose input has moved."""
        for sha256, report in [*self._alarmed.items()]:
            if time.monotonic() >= self._ask_at.get(sha256, 0.0):
                why = f"window {report.number}: {alarms(report)}"
                asked = request_retraining(self._settings, new_request("drift", sha256, why, author=AUTHOR))
                log.info("drift: retraining %s", asked.what)
                if asked.written:
                    self._metrics.asked()
                self._ask_at[sha256] = time.monotonic() + ASK_S
            del self._alarmed[sha256]

    def _show(self) -> None:
        if time.monotonic() >= self._show_at:
            self._metrics.show(self._merger.views())
            self._show_at = time.monotonic() + SHOW_S

    def _leave_out(self, counts: DriftCounts, why: str) -> None:
        self._metrics.refused()
        if counts.bundle_sha256 not in self._said:
            self._said.add(counts.bundle_sha256)
            log.warning("drift-counts of model %s %s are left out: %s", counts.name, counts.version, why)


def decode_counts(raw: bytes | None) -> DriftCounts | None:
    """Read one message of `drift-counts`; None, with a line on the log, for what is none."""
    try:
        return _decoder.decode(raw or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("no drift counts: %s; ignored", error)
        return None


def alarms(report: DriftReport) -> str:
    """Say which columns of a report alarm, the furthest first; nothing where none does."""
    columns = {**report.features, "score": report.score}
    moved = [(column.psi or 0.0, name) for name, column in columns.items() if column.state in {"alarm", "page"}]
    words = [f"{name} PSI {psi:.3g}" for psi, name in sorted(moved, reverse=True)]
    if len(words) > NAMED:
        words[NAMED:] = [f"{len(words) - NAMED} further"]
    if report.alert_rate is not None and report.alert_rate.state == "alarm":
        rate = report.alert_rate
        words.append(f"alert rate {rate.observed:.3g} instead of {rate.expected:.3g}")
    return ", ".join(words)
