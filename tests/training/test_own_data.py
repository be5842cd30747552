"""The commands take a user's own data, with strings, gaps and two currencies, from a file to decisions on Kafka."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml

from schemas.messages import DeadLetter, Decision
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from stream.settings import Settings
from tests.support.decision_monitor import DecisionMonitor
from tests.support.topics import produce_all, read_all
from tests.support.worker_process import WorkerProcess
from tests.training.data.own_data import make_own
from tests.training.study.conftest import PLAN
from training.cli import cli
from training.data.dataset import load
from training.data.description import read_description
from training.offline import part_of
from training.registry.connection import connect
from training.registry.versions import CHAMPION, Registry

#: Missing values stay NaN for tree models, and one categorical feature has thousands of categories.
FEATURES = {
    "missing": "nan",
    "numeric": ["risk", "visits"],
    "categorical": ["channel", "merchant", "mcc"],
    "derived": ["log_amount", "hour_of_day"],
}
STUDY = PLAN | {
    "name": "own",
    "seeds": [0],
    "families": [{"family": "lightgbm", "treatments": ["none"]}, {"family": "extra-trees", "treatments": ["none"]}],
}
#: Feature values that occur in no row of the file, by transaction id, and the expected outcome.
NEW: dict[str, tuple[dict[str, Any], str]] = {
    "new-categories": ({"channel": "kiosk", "merchant": "shop that opened today", "mcc": ""}, "decided"),
    "all-missing": (dict.fromkeys(("risk", "visits", "channel", "merchant", "mcc")), "decided"),
    "not-a-string": ({"channel": 7}, "wrong_type"),
    "not-a-number": ({"risk": "high"}, "wrong_type"),
}


def new_transactions(line: bytes) -> dict[str, bytes]:
    """Return the transactions in `NEW` as messages, with all other values taken from a given message."""
    template = msgspec.json.decode(line)
    return {
        name: msgspec.json.encode(template | {"transaction_id": name, "features": template["features"] | features})
        for name, (features, _) in NEW.items()
    }


@pytest.fixture
def run(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Run `fraud-train` in a temporary directory, on the test's topics, and return its output."""
    monkeypatch.chdir(tmp_path)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def call(*arguments: str) -> str:
        cli.main(arguments, prog_name="fraud-train", standalone_mode=False)
        return capfd.readouterr().out

    return call


def test_own_data_to_decisions(run: Callable[..., str], settings: Settings, tmp_path: Path) -> None:
    """After describe, study, register and promote, the worker gives each row its offline score."""
    make_own().write_csv("own.csv", null_value="NA")
    run("describe", "own.csv", "--out", "own.yaml")
    Path("features.yaml").write_text(yaml.safe_dump(FEATURES))
    Path("plan.yaml").write_text(yaml.safe_dump(STUDY))
    own = ("--data", "own.csv", "--description", "own.yaml")
    store = ("--store", settings.bundle.store)
    studied = run("study", *own, "--features", "features.yaml", "--plan", "plan.yaml")
    register_command = re.search(r"fraud-train register (\w+)", studied)
    assert register_command is not None
    run("register", register_command[1], *store)
    run("promote", "1", "--reason", "the first", "--bootstrap", settings.kafka.bootstrap, *store)
    run("export-stream", *own, "--out", "test.jsonl")

    lines = Path("test.jsonl").read_bytes().splitlines()
    sent = {msgspec.json.decode(line)["transaction_id"]: line for line in lines} | new_transactions(lines[0])
    produce_all(settings.kafka.bootstrap, settings.topic.transactions, [(b"card", line) for line in sent.values()])
    with DecisionMonitor(settings) as monitor, WorkerProcess(settings, tmp_path) as worker:
        monitor.wait(len(sent))
        assert worker.stop() == 0

    decision_messages, dead_letter_messages = (
        [message.value() or b"" for message in read_all(settings.kafka.bootstrap, topic)]
        for topic in (settings.topic.decisions, settings.topic.dead_letters)
    )
    decided = [msgspec.json.decode(raw, type=Decision) for raw in decision_messages]
    dead_letters = [msgspec.json.decode(raw, type=DeadLetter) for raw in dead_letter_messages]
    decisions = {decision.transaction_id: decision for decision in decided}
    assert len(decisions) + len(dead_letters) == len(sent)
    assert {name for name in NEW if name in decisions} == {
        name for name, (_, outcome) in NEW.items() if outcome == "decided"
    }
    assert sorted(letter.reason.value for letter in dead_letters) == ["wrong_type", "wrong_type"]
    rows = part_of(load("own.csv", read_description(Path("own.yaml"))), "test")
    registry = Registry(connect(Path("var")))
    model = read_bundle(BundleStore(settings.bundle.store), registry.find(registry.aliases()[CHAMPION]).bundle)
    offline = model.onnx.score(rows.matrix(model.plan))
    online = [decisions[name].score for name in rows.transaction_id]
    np.testing.assert_allclose(online, offline, rtol=0, atol=1e-7)
    # The average precision is well above chance, which equals the share of frauds, one in twenty.
    highest = np.argsort(online)[-int(rows.label.sum()) :]
    assert rows.label[highest].mean() > 0.3
    assert {decisions[name].model_version for name in rows.transaction_id} == {"1"}
