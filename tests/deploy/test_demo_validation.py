"""`make validate-model` runs every check on the demo's champion, with an archive of the demo's transactions."""

import json
import shutil
from pathlib import Path

import msgspec
import polars as pl
import pytest

from deploy.demo import validate
from deploy.demo.prepare import Prepared
from schemas.errors import FraudError
from stream.archive.reader import read_archive
from tests.support.bundles import put_bundle
from tests.support.traffic import transaction
from tests.training.conftest import empty_mlflow  # noqa: F401 - a fixture
from tests.training.frames import make_frame
from training.data.dataset import load
from training.data.description import ULB_FILE
from training.data.messages import transactions
from training.registry.roles import TrainedRoles
from training.validation.check import CHECKS

# The first test starts a process that loads MLflow.
pytestmark = pytest.mark.integration


@pytest.fixture
def prepared(
    empty_mlflow: Path,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Prepared:
    """A prepared demo with small models and data. The models have no MLflow runs."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "FRAUD_ARCHIVE_URL"):
        monkeypatch.delenv(name, raising=False)
    data = tmp_path / "var" / "data"
    data.mkdir(parents=True)
    shutil.copy(empty_mlflow, tmp_path / "var")
    make_frame().write_parquet(data / ULB_FILE)
    champion, *challengers = (
        put_bundle(tmp_path / "var" / "bundles", str(n), bias=-4.0 - n / 100, reference=True) for n in (1, 2, 3)
    )
    messages = [(each.card_id, msgspec.json.encode(each)) for each in transactions(load(data / ULB_FILE))]
    return Prepared(TrainedRoles("var/bundles", champion, tuple(challengers)), {}, messages, pl.DataFrame())


def test_every_check_is_required(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    """The champion is validated against a challenger, and a check that could not run is a reason to fail."""
    monkeypatch.setattr(validate, "prepare", lambda: prepared)
    monkeypatch.setenv("FRAUD_DRIFT_WINDOW_ROWS", "500")
    assert validate.main() == 1
    stored = json.loads(Path("var/validation.json").read_text())
    outcomes = {check["name"]: check["outcome"] for check in stored["report"]["checks"]}
    assert list(outcomes) == list(CHECKS)
    assert [name for name, outcome in outcomes.items() if outcome == "not checked"] == ["card"]
    assert "card was not checked (MLflow has no run 'none'" in stored["reason"]
    assert stored["report"]["champion"].startswith("fraud/3, logistic regression")
    assert stored["report"]["thresholds"]["required"]["validate"] == list(CHECKS)
    assert stored["report"]["thresholds"]["slices"]["compare_at"]["validate"] == "equal_alerts"


def test_the_archive_has_every_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages keep their order and bytes, over several files."""
    monkeypatch.setattr(validate, "_FILE_ROWS", 30)
    messages = [transaction(number) for number in range(100)]
    validate.archive(tmp_path.as_uri(), messages)
    batches = read_archive(tmp_path.as_uri(), "transactions")
    assert [value for batch in batches for value in batch["value"].to_pylist()] == messages
    assert len(list(tmp_path.rglob("*.parquet"))) == 4


def test_a_failed_preparation_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """If the data cannot be fetched, the reason is one line and the exit code 1."""

    def fail() -> Prepared:
        raise FraudError("the network is down")

    monkeypatch.setattr(validate, "prepare", fail)
    assert validate.main() == 1
    assert capsys.readouterr().err == "validate-model: the network is down\n"
