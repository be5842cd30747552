"""Monitor concept drift: read each of the champion's matured frauds and alerts from the ledger once, in order."""

from dataclasses import dataclass

from sqlalchemy import Engine

from stream.drift.label_free import calibration_p
from stream.ledger.labelled_decisions import LabelledDecisions, load_labelled_decisions
from stream.settings import GateSettings, TopicSettings
from training.drift.concept import ConceptAlarm, ErrorRateMonitor

_DAY_MS = 86_400_000


#: p-value of `calibration_p` below which the scores count as miscalibrated. The test is repeated over growing
#: data, so the level is far below that of a single test.
UNCALIBRATED = 1e-6


@dataclass
class CalibrationCheck:
    """Compares the number of frauds that a champion's scores predict with the frauds among its matured decisions.

    Attributes:
        rows: Number of matured decisions.
        frauds: Number of frauds among them.
        score_sum: Sum of their scores, the number of frauds that the scores predict.
    """

    rows: int = 0
    frauds: int = 0
    score_sum: float = 0.0

    def add(self, decisions: LabelledDecisions) -> None:
        """Add matured decisions to the counts."""
        self.rows += len(decisions)
        self.frauds += int(decisions.fraud.sum())
        self.score_sum += float(decisions.score.sum())

    @property
    def problem(self) -> str | None:
        """Description of the miscalibration in one line; None unless the scores are shown to be miscalibrated."""
        if not self.rows or calibration_p(self.score_sum / self.rows, self.rows, self.frauds) >= UNCALIBRATED:
            return None
        return (
            f"scores predict {self.score_sum / self.rows:.3%} frauds, but {self.frauds / self.rows:.3%} of "
            f"{self.rows:,} matured decisions are frauds: the scores are no longer calibrated"
        )


class ConceptMonitor:
    """Monitors the errors of the current champion.

    It stores nothing: a new process reads the champion's whole history and raises the same alarms. A label that arrives
    after its transaction matured and was read is ignored.

    Args:
        ledger: Ledger database.
        gate: Gate settings, which include the label maturity.
        topics: Topic names; decisions on transactions of other topics are ignored.

    Attributes:
        calibration: Calibration of the current champion. Declined transactions count only if an analyst reviewed them.
    """

    def __init__(self, ledger: Engine, gate: GateSettings, topics: TopicSettings) -> None:
        self._ledger, self._gate, self._topics = ledger, gate, topics
        self._bundle_sha256 = ""
        self._since_ms = 0
        self.calibration = CalibrationCheck()

    def check(self, bundle_sha256: str) -> list[ConceptAlarm]:
        """Read the decisions that have matured since the last check; return the alarms, oldest first.

        Args:
            bundle_sha256: SHA-256 of the current champion's bundle; if it changes, the monitor starts over.

        Raises:
            LedgerUnavailableError: If the database is not responding.
        """
        if bundle_sha256 != self._bundle_sha256:
            self._bundle_sha256, self._since_ms = bundle_sha256, 0
            self._misses, self._false_alarms = ErrorRateMonitor("misses"), ErrorRateMonitor("false alarms")
            self.calibration = CalibrationCheck()
        decisions = load_labelled_decisions(
            self._ledger,
            topics=self._topics.decided,
            since_ms=self._since_ms,
            maturity_ms=self._gate.maturity_days * _DAY_MS,
            bundle_sha256=bundle_sha256,
        )
        if decisions is None:
            return []
        self._since_ms = max(self._since_ms, decisions.until_ms)
        self.calibration.add(decisions)
        alarms: list[ConceptAlarm | None] = []
        rows = zip(decisions.event_time_ms.tolist(), decisions.fraud.tolist(), decisions.alerted.tolist(), strict=True)
        for event_time_ms, fraud, alerted in rows:
            if fraud:
                alarms.append(self._misses.update(event_time_ms, error=not alerted))
            if alerted:
                alarms.append(self._false_alarms.update(event_time_ms, error=not fraud))
        return [alarm for alarm in alarms if alarm is not None]
