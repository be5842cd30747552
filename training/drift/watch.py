"""The concept watch beside a ledger: each matured fraud and alert of the champion is taken up once, in order."""

from dataclasses import dataclass

from sqlalchemy import Engine

from stream.drift.label_free import calibration_p
from stream.ledger.labelled_decisions import LabelledDecisions, load_labelled_decisions
from stream.settings import Settings
from training.drift.concept import Alarm, ErrorWatch

_DAY_MS = 86_400_000


#: Of `calibration_p`, below which scores are no probabilities any more. It is looked at again and again over growing
#: rows, so it is far below what one look would take.
UNCALIBRATED = 1e-6


@dataclass
class Calibration:
    """What a champion's scores promised of its matured decisions, and what became of them."""

    rows: int = 0
    frauds: int = 0
    score_sum: float = 0.0

    def add(self, found: LabelledDecisions) -> None:
        """Take up further decisions."""
        self.rows += len(found)
        self.frauds += int(found.fraud.sum())
        self.score_sum += float(found.score.sum())

    @property
    def off(self) -> str | None:
        """How far the scores are off, in one line; None while they may be right."""
        if not self.rows or calibration_p(self.score_sum / self.rows, self.rows, self.frauds) >= UNCALIBRATED:
            return None
        return (
            f"scores promise {self.score_sum / self.rows:.3%} frauds, {self.frauds / self.rows:.3%} of {self.rows:,} "
            "matured decisions are: they are no probabilities any more"
        )


class ConceptWatch:
    """Watches the errors of one champion after the other.

    Nothing is kept: a new process reads the champion's whole past again, and comes to the same alarms. A label that
    comes when its transaction has matured and was taken up is too late.

    Args:
        ledger: The ledger's database.
        settings: Maturity of labels, and the transactions topic.

    Attributes:
        calibration: Of today's champion. Of its declines only those count that somebody looked at.
    """

    def __init__(self, ledger: Engine, settings: Settings) -> None:
        self._ledger, self._settings = ledger, settings
        self._of = ""
        self._since_ms = 0
        self.calibration = Calibration()

    def look(self, bundle_sha256: str) -> list[Alarm]:
        """Take up what has matured since the last look; return the alarms, oldest first.

        Args:
            bundle_sha256: Of today's champion; another one than before begins anew.

        Raises:
            LedgerAwayError: If the database does not answer.
        """
        if bundle_sha256 != self._of:
            self._of, self._since_ms = bundle_sha256, 0
            self._misses, self._false_alarms = ErrorWatch("misses"), ErrorWatch("false alarms")
            self.calibration = Calibration()
        found = load_labelled_decisions(
            self._ledger,
            topics=self._settings.topic.decided,
            since_ms=self._since_ms,
            maturity_ms=self._settings.gate.maturity_days * _DAY_MS,
            bundle_sha256=bundle_sha256,
        )
        if found is None:
            return []
        self._since_ms = max(self._since_ms, found.until_ms)
        self.calibration.add(found)
        alarms: list[Alarm | None] = []
        rows = zip(found.event_time_ms.tolist(), found.fraud.tolist(), found.alerted.tolist(), strict=True)
        for event_time_ms, fraud, alerted in rows:
            if fraud:
                alarms.append(self._misses.update(event_time_ms, error=not alerted))
            if alerted:
                alarms.append(self._false_alarms.update(event_time_ms, error=not fraud))
        return [alarm for alarm in alarms if alarm is not None]
