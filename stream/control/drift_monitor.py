"""The drift monitor: one elected worker adds up the counts of all workers, closes windows and reports drift.

Every worker is a candidate; the elected worker is assigned the only partition of `drift-counts` and merges the counts.
All the state is in reports: a newly elected worker reads the newest report of each bundle, then the counts that are not
yet in any report. Two workers that both believe they are elected, for instance after a freeze, write the same reports;
readers keep the first report with a given number.
"""

import logging
import time
from collections import deque

import msgspec

from schemas.messages import DriftCounts, DriftReport
from stream.control.drift_metrics import DriftMetrics
from stream.control.drift_reports import ReportWriter, counts_end, read_reports
from stream.control.elected_task import ElectedTask
from stream.control.election import ElectedReader, TopicMessage
from stream.control.manifests import Manifests
from stream.control.retrain_requests import new_request, request_retraining
from stream.drift.alarm_rule import drift_limits
from stream.drift.counts_merger import CountsMerger
from stream.settings import Settings

log = logging.getLogger(__name__)

#: Author of the monitor's requests for retraining.
AUTHOR = "fraud-drift"
#: Seconds to wait for counts, and thus the longest time until a request to stop is noticed.
POLL_S = 0.2
#: Seconds between two updates of the rolling statistics; an update takes 3 ms per model.
METRICS_S = 5.0
#: Seconds until retraining is requested again for a champion that still raises alarms. Asking more often is pointless:
#: each attempt reads a topic, and the cool-down after a request lasts for days.
REQUEST_S = 3600.0
#: Maximum number of columns that a request names.
MAX_NAMED_COLUMNS = 5

_decoder = msgspec.json.Decoder(DriftCounts)


class DriftMonitor(ElectedTask):
    """Monitors drift on its own thread while this worker is elected.

    Args:
        settings: Kafka connection, topic names and drift limits.
        manifests: Reads the manifests of the bundles that counts belong to.
        metrics: Metrics of the drift monitor.
    """

    def __init__(self, settings: Settings, manifests: Manifests, metrics: DriftMetrics) -> None:
        super().__init__("drift monitor", enabled=settings.drift.monitor == "on", on_election=metrics.elected)
        self._settings = settings
        self._manifests = manifests
        self._metrics = metrics
        self._limits = drift_limits(settings.drift, settings.watermark)
        self._reset()

    def _join(self) -> ElectedReader:
        self._writer = ReportWriter(self._settings.kafka, self._settings.topic)
        group = f"{self._settings.kafka.group}-drift"
        kafka, topic = self._settings.kafka, self._settings.topic.drift_counts
        return ElectedReader(kafka, topic, group, self._elect, start=self._restore)

    def _work(self, reader: ElectedReader) -> None:
        self._try(lambda: self._read(reader))
        self._try(self._process_pending)
        self._try(self._request_retraining)
        self._update_metrics()

    def _reset(self) -> None:
        self._pending: deque[TopicMessage] = deque()
        self._unwritten: list[DriftReport] = []
        # By bundle: a champion's newest report with an alarm, and the time from which retraining may be requested.
        self._alarmed: dict[str, DriftReport] = {}
        self._next_request: dict[str, float] = {}
        # By worker instance: the newest sequence number. With at-least-once delivery, a message may arrive twice.
        self._sequences: dict[str, int] = {}
        self._refused_bundles: set[str] = set()
        self._next_metrics = 0.0
        self._merger = self._new_merger()

    def _new_merger(self) -> CountsMerger:
        return CountsMerger(self._manifests.of, self._limits, self._refuse)

    def _restore(self) -> int:
        self._merger = self._new_merger()
        offset = self._merger.restore(read_reports(self._settings.kafka, self._settings.topic))
        if offset > (end := counts_end(self._settings.kafka, self._settings.topic)):
            counts, reports = self._settings.topic.drift_counts, self._settings.topic.drift_reports
            log.error(
                "%s ends at offset %d, but %s continues from offset %d, so %s was recreated; "
                "windows start again; recreate %s as well",
                *(counts, end, reports, offset, counts, reports),
            )
            self._merger, offset = self._new_merger(), 0
        log.info("drift monitor: reading counts from offset %d", offset)
        return offset

    def _read(self, reader: ElectedReader) -> None:
        # An election during the read clears the pending messages.
        messages = reader.read_with_offsets(0 if self._pending else POLL_S)
        self._pending.extend(messages)

    def _process_pending(self) -> None:
        self._write()
        while self._pending and not self._stopping.is_set():
            offset, raw = self._pending[0]
            counts = decode_counts(raw)
            if counts is not None and self._sequences.get(counts.instance, 0) < counts.sequence:
                self._unwritten += self._merger.add(offset, counts)  # stays pending if the store is unavailable
                self._sequences[counts.instance] = counts.sequence
            self._pending.popleft()
            self._write()

    def _write(self) -> None:
        """Write the reports on closed windows.

        They are written before further counts are merged, because a newly elected worker resumes after the reports.
        """
        if not self._unwritten:
            return
        self._writer.write(self._unwritten)
        for report in self._unwritten:
            self._metrics.reported(report, self._limits.windows_in_a_row)
            alarming = alarms(report)
            if alarming:
                log.warning("drift of model %s %s, window %d: %s", report.name, report.version, report.number, alarming)
                if report.decides:
                    self._alarmed[report.bundle_sha256] = report
        self._unwritten = []

    def _request_retraining(self) -> None:
        """Request a new model for each champion whose input has drifted."""
        for sha256, report in [*self._alarmed.items()]:
            if time.monotonic() >= self._next_request.get(sha256, 0.0):
                why = f"window {report.number}: {alarms(report)}"
                request = new_request("drift", sha256, why, author=AUTHOR)
                settings = self._settings
                outcome = request_retraining(settings.kafka, settings.topic, settings.retrain, request)
                log.info("drift monitor: retraining %s", outcome.detail)
                if outcome.written:
                    self._metrics.requested()
                self._next_request[sha256] = time.monotonic() + REQUEST_S
            del self._alarmed[sha256]

    def _update_metrics(self) -> None:
        if time.monotonic() >= self._next_metrics:
            self._metrics.show(self._merger.views())
            self._next_metrics = time.monotonic() + METRICS_S

    def _refuse(self, counts: DriftCounts, reason: str) -> None:
        self._metrics.refused()
        if counts.bundle_sha256 not in self._refused_bundles:
            self._refused_bundles.add(counts.bundle_sha256)
            log.warning("ignoring drift counts of model %s %s: %s", counts.name, counts.version, reason)


def decode_counts(raw: bytes | None) -> DriftCounts | None:
    """Decode a message on `drift-counts`; log an invalid message and return None."""
    try:
        return _decoder.decode(raw or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("ignoring an invalid message on drift-counts: %s", error)
        return None


def alarms(report: DriftReport) -> str:
    """Return the report's alarms as text: columns, largest PSI first, then the alert rate; empty if there are none."""
    columns = {**report.features, "score": report.score}
    alarming = [(column.psi or 0.0, name) for name, column in columns.items() if column.state in {"alarm", "page"}]
    parts = [f"{name} PSI {psi:.3g}" for psi, name in sorted(alarming, reverse=True)]
    if len(parts) > MAX_NAMED_COLUMNS:
        parts[MAX_NAMED_COLUMNS:] = [f"{len(parts) - MAX_NAMED_COLUMNS} more"]
    if report.alert_rate is not None and report.alert_rate.state == "alarm":
        rate = report.alert_rate
        parts.append(f"alert rate {rate.observed:.3g} instead of {rate.expected:.3g}")
    return ", ".join(parts)
