"""All checks on one bundle: each bad bundle fails its check, and what a command requires must have run."""

from dataclasses import replace as with_evidence
from pathlib import Path

import msgspec
import polars as pl
import pytest
from msgspec.structs import replace

from schemas.errors import ArchiveUnavailableError
from schemas.manifest import MODEL_NAME, Manifest, TrainingWindow
from schemas.messages import Policy
from stream.drift.alarm_rule import drift_limits
from stream.settings import Settings
from tests.training.validation.conftest import LoadFrame
from tests.training.validation.models import START_MS, edit_manifest, make_bundle, make_costly, manifest_hash, read
from training.data.test_set import CountedEvaluation
from training.validation.check import CHECKS, CheckName, CheckResult, Outcome
from training.validation.evidence import Evidence, Missing
from training.validation.newest import NewestTransactions
from training.validation.report import ValidationReport, encode_report
from training.validation.report_page import validation_page
from training.validation.thresholds import DEFAULT, Thresholds, Use
from training.validation.validate import validate


class NoTestSet:
    """Fails if the labelled transactions are taken for the test set of a model."""

    def count(self, _: Manifest) -> int:
        """Return 0."""
        return 0

    def record(self, _: Manifest, evaluation: CountedEvaluation) -> None:
        """Fail."""
        raise AssertionError(evaluation)


def no_archive(_: int) -> NewestTransactions:
    """Stand for an archive that does not exist."""
    raise ArchiveUnavailableError("there is no archive here")


@pytest.fixture
def evidence(rows: pl.DataFrame, load_frame: LoadFrame, champion: Path) -> Evidence:
    """A champion, labelled transactions and a card, but no archive."""
    settings = Settings()
    return Evidence(
        read(champion),
        load_frame(rows),
        no_archive,
        drift_limits(settings.drift, settings.watermark),
        lambda _: CheckResult("card", "passed", "present"),
        NoTestSet(),
    )


def run(
    directory: Path, evidence: Evidence, use: Use = "validate", thresholds: Thresholds = DEFAULT
) -> ValidationReport:
    """Validate a bundle by its own hash."""
    return validate(directory, manifest_hash(directory), evidence, thresholds, use=use, name="bundle")


def outcomes(report: ValidationReport) -> dict[CheckName, Outcome]:
    """Return the outcome of each check."""
    return {check.name: check.outcome for check in report.checks}


def test_a_good_candidate_passes(evidence: Evidence, tmp_path: Path) -> None:
    """A candidate as good as the champion passes every check but drift, which is not checked and says why."""
    report = run(make_bundle(tmp_path / "candidate", weights=(1.02, 1.0, 0.98)), evidence)
    assert outcomes(report) == dict.fromkeys(CHECKS, "passed") | {"drift": "not checked"}
    assert report.passed
    assert report.reason == ""
    assert report.lines()[4] == "not checked  drift        there is no archive here"
    assert report.lines()[-1] == "passed       fraud/1"


@pytest.mark.parametrize(
    ("bad", "check", "text"),
    [
        ({"weights": (2.5, 2.5, 2.5), "bias": -6.0}, "calibration", "the scores are too extreme"),
        ({"bias": 0.0}, "calibration", "the mean score is "),
        ({"channel": -6.0, "bias": -3.1}, "slices", "recall in slice “channel: web” is 0.00%"),
        ({"policy": Policy("lax", review=0.05, decline=0.9)}, "slices", "false-positive rate in slice “all transac"),
        ({"policy": Policy("never", review=0.999, decline=0.9999)}, "slices", "recall in slice “all transactions” is "),
    ],
    ids=["overconfident", "too-high", "one-bad-slice", "alerts-more", "alerts-nothing"],
)
def test_a_bad_candidate_fails(
    evidence: Evidence, tmp_path: Path, bad: dict[str, float], check: CheckName, text: str
) -> None:
    """Each kind of bad model fails the check that is there for it, with a reason in one line."""
    report = run(make_bundle(tmp_path / "bad", **bad), evidence)  # type: ignore[arg-type]
    assert outcomes(report)[check] == "failed"
    assert not report.passed
    assert text in report.reason
    assert "\n" not in report.reason


def test_a_costly_candidate_fails(evidence: Evidence, tmp_path: Path) -> None:
    """A candidate with the champion's scores and many times its cost fails for its cost alone."""
    costly = make_bundle(tmp_path / "costly")
    make_costly(costly)
    assert [check.name for check in run(costly, evidence).checks if check.outcome == "failed"] == ["cost"]


def test_a_tampered_candidate_is_not_examined(evidence: Evidence, champion: Path) -> None:
    """Nothing that a bundle says is used unless it passes its audit."""
    (champion / MODEL_NAME).write_bytes(b"something else")
    report = run(champion, evidence)
    assert outcomes(report) == dict.fromkeys(CHECKS, "not checked") | {"audit": "failed"}
    assert report.bundle == "bundle"
    assert report.reason.startswith("audit: model.onnx does not have the SHA-256 that was published")


def test_what_is_missing_is_not_checked(evidence: Evidence, champion: Path) -> None:
    """Without champion and data, five checks say what they lack, and none of them passes."""
    alone = with_evidence(evidence, champion=Missing("no champion yet"), data=Missing("no data"))
    report = run(champion, alone, "register")
    texts = {check.name: check.text for check in report.checks if check.outcome == "not checked"}
    assert texts == {
        "calibration": "no data",
        "slices": "no champion yet",
        "drift": "there is no archive here",
        "cost": "no champion yet",
    }
    assert report.passed


def test_a_required_check_that_did_not_run_fails(evidence: Evidence, champion: Path) -> None:
    """The thresholds say which checks each command requires."""
    alone = with_evidence(evidence, data=Missing("no data"))
    assert run(champion, alone, "register").passed
    assert run(champion, alone, "validate").reason == "calibration was not checked (no data)"
    required = replace(DEFAULT.required, register=("drift", "audit"))
    strict = run(champion, alone, "register", replace(DEFAULT, required=required))
    assert strict.reason == "drift was not checked (there is no archive here)"


@pytest.mark.parametrize(("first_hole", "check"), [(0, "calibration"), (8000, "slices")])
def test_a_candidate_that_rejects_everything_fails(
    rows: pl.DataFrame, load_frame: LoadFrame, evidence: Evidence, champion: Path, tmp_path: Path,
    *, first_hole: int, check: CheckName,
) -> None:  # fmt: skip
    """A model that would make dead letters of everything, or of all that the champion decides, is not registered."""
    holes = rows.with_columns(V1=pl.when(pl.int_range(pl.len()) >= first_hole).then(None).otherwise(pl.col("V1")))
    data = load_frame(holes)
    seen = TrainingWindow(START_MS, int(data.event_time_ms[8000]), 8000, 1, "0" * 64)
    edit_manifest(champion, training_window=seen)
    strict = make_bundle(tmp_path / "strict")
    edit_manifest(strict, missing="refuse")
    report = run(strict, with_evidence(evidence, champion=read(champion), data=data), "register")
    assert outcomes(report)[check] == "failed"
    assert not report.passed
    assert "the model rejects all " in report.reason


def test_no_check_is_required_to_fail(evidence: Evidence, tmp_path: Path) -> None:
    """A check that ran and failed fails the validation, whether it is required or not."""
    nothing = replace(DEFAULT, required=replace(DEFAULT.required, validate=()))
    assert not run(make_bundle(tmp_path / "bad", bias=0.0), evidence, thresholds=nothing).passed


def test_a_retrained_model_is_compared_at_equal_alerts(evidence: Evidence, tmp_path: Path) -> None:
    """The same model with another threshold is no other model: `watch` compares at the champion's number of alerts."""
    lax = make_bundle(tmp_path / "lax", policy=Policy("lax", review=0.05, decline=0.9))
    assert outcomes(run(lax, evidence, "watch"))["slices"] == "passed"
    hiding = make_bundle(tmp_path / "hiding", channel=-6.0)
    assert outcomes(run(hiding, evidence, "watch"))["slices"] == "failed"


def test_the_champion_itself_has_no_slices_to_compare(evidence: Evidence, champion: Path) -> None:
    """A comparison with itself would pass without saying anything."""
    (slices,) = (check for check in run(champion, evidence).checks if check.name == "slices")
    assert (slices.outcome, slices.text) == ("not checked", "the bundle is the champion itself")


def test_a_champion_with_other_features_is_not_compared(evidence: Evidence, tmp_path: Path) -> None:
    """If the data lack a feature of the champion, slices are not checked; the candidate is still judged."""
    data = evidence.data
    assert not isinstance(data, Missing)
    features = {name: kind for name, kind in data.description.features.items() if name != "channel"}
    narrow = with_evidence(evidence, data=with_evidence(data, description=replace(data.description, features=features)))
    candidate = make_bundle(tmp_path / "candidate", reference=True)  # without the channel
    report = run(candidate, narrow)
    assert outcomes(report)["calibration"] == "passed"
    (slices,) = (check for check in report.checks if check.name == "slices")
    assert slices.text == "the model needs the categorical feature channel; add it to the data description"


def test_the_report_is_a_page_and_json(evidence: Evidence, tmp_path: Path) -> None:
    """Both contain every check with its outcome, and neither loads or runs anything."""
    report = run(make_bundle(tmp_path / "bad", channel=-6.0, bias=-3.1), evidence)
    html = validation_page(report)
    assert "<script" not in html
    assert "does not pass its validation" in html
    stored = msgspec.json.decode(encode_report(report))
    assert (stored["passed"], stored["reason"]) == (False, report.reason)
    assert [check["name"] for check in stored["report"]["checks"]] == list(CHECKS)
    for check in report.checks:
        assert f'<td class="t">{check.name}</td><td class="t">{check.outcome}</td>' in html
    assert stored["report"]["thresholds"]["size"] == {"max_mb": DEFAULT.size.max_mb}
    assert msgspec.convert(stored["report"], ValidationReport).reason == report.reason
