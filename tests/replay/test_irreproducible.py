"""Decisions that cannot be reproduced: replay counts and lists them and fails; verification says why."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from schemas.messages import Decision, encode
from stream.cli import cli
from stream.control.role_writer import publish_roles
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from stream.replay.rescore import make_scorer, rescore
from stream.scoring.model import ModelInRole, Roles
from stream.scoring.raw_batch import RawBatch
from stream.settings import Settings
from tests.support.bundles import POLICY, put_bundle
from tests.support.topics import produce_all
from tests.support.traffic import transaction


def invoke(settings: Settings, *arguments: str) -> Result:
    """Run `fraud-stream` in this process."""
    return CliRunner(env=dict(settings.environment())).invoke(cli, arguments)


def history(settings: Settings) -> tuple[Decision, Decision, Decision]:
    """Write three transactions, and decisions: a correct one, a changed one, and one on an invalid transaction."""
    store = Path(settings.bundle.store)
    champion = put_bundle(store, "1")
    publish_roles(settings.kafka, settings.topic, champion=champion, author="test")
    topic, bootstrap = settings.topic.transactions, settings.kafka.bootstrap
    values = [transaction(0), transaction(1), b"rubbish"]
    produce_all(bootstrap, topic, [(b"k", value) for value in values], partition=0)
    model = read_bundle(BundleStore(str(store)), champion)
    scorer = make_scorer(Roles(1, ModelInRole(model, POLICY)), settings.scoring)
    correct, other = rescore(scorer, RawBatch(topic, values[:2], [0, 0], [0, 1])).decisions
    changed = msgspec.structs.replace(other, verdict="decline", score=0.99)
    refused = msgspec.structs.replace(correct, transaction_id="2", source_offset=2)
    decisions = (correct, changed, refused)
    produce_all(bootstrap, settings.topic.decisions, [(b"k", encode(each)) for each in decisions], partition=0)
    return decisions


def test_a_decision_that_is_not_reproduced_fails_the_command(settings: Settings, tmp_path: Path) -> None:
    """Replay exits with 1 if a decision differs or its transaction is rejected now, and lists both kinds."""
    correct, changed, refused = history(settings)
    out = tmp_path / "differ.jsonl"
    done = invoke(settings, "replay", "--out", str(out))
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert [report[name] for name in ("transactions", "same", "different", "refused", "without_decision")] == [
        *(3, 1, 1, 1, 0)
    ]
    assert report["flips"] == {"decline -> approve": {"transactions": 1, "amount_minor": changed.amount_minor}}
    lines = {each["transaction_id"]: each for each in map(json.loads, out.read_bytes().splitlines())}
    assert lines.keys() == {changed.transaction_id, refused.transaction_id}
    assert lines["1"]["fields"]["verdict"] == ["decline", "approve"]
    assert (lines["2"]["fields"], lines["2"]["source_offset"]) == ({}, 2)
    assert "JSON" in lines["2"]["refused"]

    (file := tmp_path / "decision.json").write_bytes(encode(correct))
    assert invoke(settings, "verify", str(file)).exit_code == 0
    file.write_bytes(encode(refused))
    error = invoke(settings, "verify", str(file)).exception
    assert "the transaction is rejected (" in str(error)
    assert "so it cannot have been decided" in str(error)


def test_an_unwritable_file_is_reported_before_anything_is_scored(tmp_path: Path) -> None:
    """An output file that cannot be written is an error that names the option, and Kafka is not queried."""
    error = invoke(Settings(), "replay", "--out", str(tmp_path / "nowhere" / "out.jsonl")).exception
    assert "cannot write to" in str(error)
    assert "choose another path with --out" in str(error)


@pytest.mark.parametrize("raw", [b"\xff", b"{}"])
def test_a_file_without_a_decision_is_an_error(raw: bytes, tmp_path: Path) -> None:
    """A file that contains no decision is an error that says how to get one."""
    (file := tmp_path / "decision.json").write_bytes(raw)
    assert "save one line of: fraud-stream tail decisions" in str(invoke(Settings(), "verify", str(file)).exception)
