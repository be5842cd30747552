"""Run all checks on one bundle."""

from pathlib import Path

from schemas.errors import ArchiveError, DataError
from stream.models.bundle import LoadedModel
from stream.scoring.features import Matrix
from training.bundling.write_bundle import UNREGISTERED
from training.data.test_set import CountedEvaluation
from training.drift.offline import measure_drift
from training.evaluation.scored_rows import ScoredRows
from training.machine import describe_machine
from training.validation.alerts import compared_alerts
from training.validation.audit import check_audit
from training.validation.calibration import check_calibration
from training.validation.check import CHECKS, CheckResult, judged, not_checked
from training.validation.cost import check_cost, rows_to_time
from training.validation.drift import ReferenceDrift, check_drift
from training.validation.evaluation_rows import RejectsAllError, UnseenRows, card_numbers
from training.validation.evidence import Evidence, Missing
from training.validation.newest import NewestTransactions
from training.validation.parity import check_parity
from training.validation.report import ValidationReport, now_ms
from training.validation.size import check_size
from training.validation.slices import DecidedRows, check_slices
from training.validation.slicing import cut_slices
from training.validation.thresholds import Thresholds, Use


def validate(
    directory: Path, sha256: str, evidence: Evidence, thresholds: Thresholds, *, use: Use, name: str
) -> ValidationReport:
    """Run all checks on a bundle. A check that cannot run says why.

    Args:
        directory: Local copy of the bundle.
        sha256: Expected hash of the manifest.
        evidence: What to validate with.
        thresholds: Limits of the checks.
        use: Command that validates.
        name: Where the bundle is, in case its manifest cannot be trusted or has no version yet.

    Raises:
        DataError: If the labelled transactions lack a feature of the candidate.
        RegistryError: If the evaluation of a test set cannot be recorded.
    """
    machine = describe_machine(("numpy", "onnxruntime"))
    audited, candidate = check_audit(directory, sha256)
    if candidate is None:
        others = (not_checked(each, "the bundle does not pass its audit") for each in CHECKS if each != "audit")
        checks, data = (audited, *others), "not used"
    else:
        if candidate.manifest.version != UNREGISTERED:
            name = f"{candidate.manifest.name}/{candidate.manifest.version}"
        validation = _Validation(candidate, evidence, thresholds, use)
        rest = (*validation.checks(), check_size(directory, thresholds.size), evidence.card(candidate.manifest))
        checks, data = (audited, *rest), validation.used
    champion = evidence.champion
    compared = champion.reason if isinstance(champion, Missing) else _describe(champion)
    return ValidationReport(name, sha256, compared, data, use, now_ms(), machine, checks, thresholds)


class _Validation:
    """The checks that need more than the bundle's own files."""

    def __init__(self, candidate: LoadedModel, evidence: Evidence, thresholds: Thresholds, use: Use) -> None:
        self._candidate, self._evidence, self._thresholds, self._use = candidate, evidence, thresholds, use
        self._rows: UnseenRows | Missing
        self._rejects_all = False
        manifest = candidate.manifest
        if isinstance(evidence.data, Missing):
            self._rows = evidence.data
            return
        try:
            self._rows = UnseenRows(evidence.data, candidate, self._record, evidence.evaluations.count(manifest))
        except DataError as error:
            self._rows = Missing(str(error))
            self._rejects_all = isinstance(error, RejectsAllError)

    def _record(self, evaluation: CountedEvaluation) -> None:
        self._evidence.evaluations.record(self._candidate.manifest, evaluation)

    @property
    def used(self) -> str:
        """Description of the labelled transactions on which the candidate is judged."""
        if isinstance(self._rows, Missing):
            return self._rows.reason
        rows = self._rows.accepted
        frauds = int(rows.label.sum())
        return f"{len(rows):,} transactions with {frauds:,} frauds, which the candidate has not seen"

    def checks(self) -> tuple[CheckResult, ...]:
        """Return the results in the order of the report, up to the cost."""
        parity = check_parity(self._candidate, self._thresholds.parity)
        return parity, self._calibration(), self._slices(), self._drift(), self._cost()

    def _calibration(self) -> CheckResult:
        if isinstance(self._rows, Missing):
            reason = self._rows.reason
            return judged("calibration", [reason], "") if self._rejects_all else not_checked("calibration", reason)
        rows = self._rows.accepted
        scored = ScoredRows.of(self._candidate.score(rows.matrix(self._candidate.plan)), rows)
        return check_calibration(scored, self._thresholds.calibration)

    def _slices(self) -> CheckResult:
        champion, unseen, limits = self._evidence.champion, self._rows, self._thresholds.slices
        if isinstance(champion, Missing):
            return not_checked("slices", champion.reason)
        if isinstance(unseen, Missing):
            return not_checked("slices", unseen.reason)
        if champion.sha256 == self._candidate.sha256:
            return not_checked("slices", "the bundle is the champion itself")
        try:
            rows = unseen.accepted_by_both(champion)
            alerts = compared_alerts(champion, self._candidate, rows, limits.compare_at.of(self._use))
        except RejectsAllError as error:
            return judged("slices", [str(error)], "")
        except DataError as error:
            return not_checked("slices", str(error))
        decided = DecidedRows(rows.label == 1, alerts, card_numbers(rows))
        return check_slices(decided, cut_slices(rows, self._candidate.plan.categorical, limits), limits)

    def _drift(self) -> CheckResult:
        limits, live = self._thresholds.drift, self._evidence.drift_limits
        champion = self._evidence.champion
        try:
            newest = self._evidence.newest(limits.windows * live.window_rows)
        except ArchiveError as error:
            return not_checked("drift", str(error))
        if not len(newest):
            return not_checked("drift", "the archive has no transactions")
        try:
            candidate = self._reference_drift(self._candidate, newest)
        except DataError as error:
            return judged("drift", [str(error)], "")
        try:
            compared = None if isinstance(champion, Missing) else self._reference_drift(champion, newest)
        except DataError:  # the champion rejects all of them, so it is no measure of the candidate
            compared = None
        return check_drift(candidate, compared, live, limits)

    def _reference_drift(self, model: LoadedModel, newest: NewestTransactions) -> ReferenceDrift:
        rows, rejected = newest.rows_for(model.manifest)
        return ReferenceDrift(model.manifest, measure_drift(rows, model, self._evidence.drift_limits), rejected)

    def _cost(self) -> CheckResult:
        champion = self._evidence.champion
        if isinstance(champion, Missing):
            return not_checked("cost", champion.reason)
        timed = [rows_to_time(model, self._matrix(model)) for model in (self._candidate, champion)]
        return check_cost(self._candidate, timed[0], champion, timed[1], self._thresholds.cost)

    def _matrix(self, model: LoadedModel) -> Matrix | None:
        if isinstance(self._rows, Missing):
            return None
        try:
            return self._rows.accepted.matrix(model.plan)
        except DataError:  # the champion needs other features
            return None


def _describe(champion: LoadedModel) -> str:
    manifest = champion.manifest
    return f"{manifest.name}/{manifest.version}, {manifest.algorithm}, bundle {champion.sha256[:12]}"
