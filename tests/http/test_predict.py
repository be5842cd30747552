"""Questions and replies: the same decisions as on Kafka, on Kafka before they are told."""

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from schemas.messages import Decision, Policy, ShadowScore
from stream.control.role_changes import combine_changes, set_policy
from stream.control.role_reader import current_roles
from stream.control.role_writer import change_roles
from stream.kafka.topics import create_topics
from stream.replay.difference import TOLERANCE
from stream.replay.parity import parity_gap
from stream.replay.verify import verify
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.bundles import NUMERIC
from tests.support.command import run
from tests.support.http_process import HttpProcess
from tests.support.topics import read_all
from tests.support.traffic import transaction
from tests.support.until import until

decode = msgspec.json.Decoder(Decision).decode


def values(settings: Settings, topic: str) -> list[bytes]:
    """Return what stands on a topic."""
    return [message.value() or b"" for message in read_all(settings.kafka.bootstrap, topic)]


def test_a_reply_stands_on_kafka_before_it_is_told(edge: HttpProcess) -> None:
    """Transaction as it came, decision byte by byte, its place the transaction's own; an alert is an alert."""
    settings = edge.settings
    replies = {number: edge.ask(transaction(number)) for number in range(30)}
    assert {reply.status_code for reply in replies.values()} == {200}
    asked = {
        (m.partition(), m.offset()): m for m in read_all(settings.kafka.bootstrap, settings.topic.transactions_http)
    }
    told = sorted(reply.content for reply in replies.values())
    assert sorted(values(settings, settings.topic.decisions)) == told
    for number, reply in replies.items():
        decision = decode(reply.content)
        message = asked[decision.source_partition, decision.source_offset]
        assert (message.value(), message.key()) == (transaction(number), decision.card_id.encode())
        assert decision.source_topic == settings.topic.transactions_http
    alerts = [each for each in told if decode(each).verdict != "approve"]
    assert alerts
    assert sorted(values(settings, settings.topic.alerts)) == alerts
    assert values(settings, settings.topic.transactions) == []


def test_a_decision_over_http_can_be_recomputed(edge: HttpProcess) -> None:
    """By its place, like any other; and its shadow score follows under the same name."""
    decision = decode(edge.ask(transaction(5)).content)
    assert verify(edge.settings, decision) == {}
    shadows = values(edge.settings, edge.settings.topic.shadow_scores)
    (shadow,) = [msgspec.json.decode(each, type=ShadowScore) for each in shadows]
    assert (shadow.decision_id, shadow.model_version) == (decision.decision_id, "2")


def test_history_over_http_replays(edge: HttpProcess) -> None:
    """All of it, beside what was sent to the stream; and the ledger's look at a challenger's scores finds no gap."""
    settings = edge.settings
    for number in range(20):
        edge.ask(transaction(number))
    until(lambda: len(values(settings, settings.topic.shadow_scores)) == 20)
    report = json.loads(run("replay", settings=settings).stdout)
    assert (report["transactions"], report["same"], report["different"]) == (20, 20, 0)
    roles = current_roles(settings)
    assert roles is not None
    now_ms = time.time_ns() // 1_000_000
    assert parity_gap(settings, roles.challengers[0].bundle, now_ms + 1) < TOLERANCE


def test_without_waiting_the_decision_has_no_place_yet(edge: HttpProcess) -> None:
    """`ack=none`: the same decision, sooner; it gets to Kafka all the same."""
    reply = edge.ask(transaction(1), ack="none")
    told = reply.json()
    assert (told["decision_id"], told["source_partition"], told["source_offset"]) == (None, None, None)
    until(lambda: len(values(edge.settings, edge.settings.topic.decisions)) == 1)
    (kept,) = map(json.loads, values(edge.settings, edge.settings.topic.decisions))
    place = dict.fromkeys(("decision_id", "source_partition", "source_offset"))
    assert kept | place == told
    assert edge.ask(transaction(1)).json() == kept


def test_a_repeat_is_told_the_same(edge: HttpProcess) -> None:
    """Byte by byte, and Kafka gets nothing new; the same id for another transaction is refused."""
    first, again = edge.ask(transaction(3)), edge.ask(transaction(3))
    assert first.content == again.content
    assert len(values(edge.settings, edge.settings.topic.decisions)) == 1
    other = edge.ask(transaction(3, amount_minor=99_999_999))
    assert (other.status_code, other.json()["type"]) == (409, "urn:fraud-stream:conflict")


def test_a_bare_list_is_completed(edge: HttpProcess) -> None:
    """In manifest order, with the amount in its place; the transaction on Kafka is one like any other."""
    assert [each["name"] for each in edge.client.get("/model").json()["features"]] == [*NUMERIC, "Amount"]
    reply = edge.ask(b'{"features": [3, 2.5, -1, 5000]}')
    decision = decode(reply.content)
    assert decision.verdict == "review"
    assert (decision.amount_minor, decision.currency, decision.card_id) == (5000, "XXX", decision.transaction_id)
    (kept,) = map(json.loads, values(edge.settings, edge.settings.topic.transactions_http))
    assert kept["features"] == {"V1": 3, "V2": 2.5, "V3": -1}
    assert verify(edge.settings, decision) == {}


#: A body, its status, the reason of a dead letter, the field at fault.
REFUSED: list[tuple[bytes, int, str, str | None]] = [
    (b"", 400, "empty", None),
    (b"{", 400, "not_json", None),
    (b"\xff", 400, "not_utf8", None),
    (b"[]", 422, "wrong_type", None),
    (b"{}", 422, "missing_field", "transaction_id"),
    (transaction(1, features={"V1": 1.0}), 422, "missing_feature", "features.V2"),
    (transaction(1, features={"V1": 1.0, "V2": "x", "V3": 0}), 422, "wrong_type", "features.V2"),
    (transaction(1, features={"V1": 1e39, "V2": 0, "V3": 0}), 422, "not_finite", "features.V1"),
    (transaction(1, amount_minor=-1), 422, "out_of_range", "amount_minor"),
    (transaction(1, currency="euro"), 422, "out_of_range", "currency"),
    (transaction(1, schema_version=9), 422, "schema_version", "schema_version"),
    (b'{"features": [1]}', 422, "missing_feature", "features"),
    (b'{"features": [1, 2, 3, -5]}', 422, "out_of_range", "features.Amount"),
    (b'{"features": [1, 2, "x", 5]}', 422, "wrong_type", "features.V3"),
]


def test_what_cannot_be_scored_is_refused(edge: HttpProcess) -> None:
    """With the reason of a dead letter and the field at fault; nothing gets to Kafka."""
    for body, status, reason, field in REFUSED:
        reply = edge.ask(body)
        problem = reply.json()
        assert reply.headers["content-type"] == "application/problem+json"
        assert (reply.status_code, problem["status"]) == (status, status), body
        assert (problem["reason"], problem.get("field")) == (reason, field), body
    assert values(edge.settings, edge.settings.topic.transactions_http) == []


def test_a_batch_has_a_result_for_each(edge: HttpProcess) -> None:
    """In order; a bad one is nobody else's business."""
    asked = [json.loads(transaction(number)) for number in range(300)]
    asked[7] = {"transaction_id": "bad"}
    reply = edge.client.post("/predict/batch", json={"transactions": asked})
    results = reply.json()["results"]
    assert results[7]["problem"]["status"] == 422
    told = [each["decision"]["transaction_id"] for number, each in enumerate(results) if number != 7]
    assert told == [str(number) for number in range(300) if number != 7]
    assert len(values(edge.settings, edge.settings.topic.decisions)) == 299
    too_many = edge.client.post("/predict/batch", json={"transactions": asked * 2})
    assert (too_many.status_code, "FRAUD_HTTP_BATCH_MAX" in too_many.json()["detail"]) == (413, True)


def test_roles_are_followed(edge: HttpProcess) -> None:
    """A change of policy on Kafka holds here, too, within a moment."""
    assert decode(edge.ask(transaction(2)).content).role_epoch == 1
    change_roles(edge.settings, combine_changes([set_policy(Policy("strict", 0.0, 0.0))]), author="test")
    until(lambda: edge.client.get("/models").json()["role_epoch"] == 2)
    decision = decode(edge.ask(transaction(4)).content)
    assert (decision.policy_version, decision.verdict, decision.role_epoch) == ("strict", "decline", 2)


def test_counts_reach_the_guard_and_the_drift_watch(edge: HttpProcess) -> None:
    """What was decided here is counted as on any worker."""
    for number in range(20):
        edge.ask(transaction(number))
    settings = edge.settings

    def told(topic: str) -> list[dict[str, Any]]:
        return [json.loads(each) for each in values(settings, topic)]

    until(lambda: sum(c["players"][0]["transactions"] for c in told(settings.topic.role_counts)) == 20)
    until(lambda: sum(c["rows"] for c in told(settings.topic.drift_counts) if c["decides"]) == 20)
    assert {each["slot"] for each in told(settings.topic.role_counts)} == {f"{settings.kafka.slot}-http"}


def test_models_and_health(edge: HttpProcess) -> None:
    """Who decides and who watches; alive, ready, and counted."""
    models = edge.client.get("/models").json()
    assert (models["champion"]["version"], [each["version"] for each in models["challengers"]]) == ("1", ["2"])
    assert edge.client.get("/healthz").json() == {"status": "ok"}
    assert edge.client.get("/readyz").json() == {"ready": True, "problems": [], "detail": ""}
    edge.ask(transaction(1))
    metrics = edge.metrics()
    assert metrics['prediction_requests_total{outcome="decided"}'] == 1
    assert metrics["prediction_latency_seconds_count"] == 1
    assert metrics['http_requests_total{route="/predict",status="200"}'] == 1


def test_no_champion_decides_nothing(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    """It waits for one and says so."""
    settings = make_settings(http_port=free_port())
    create_topics(settings.kafka, settings.topic)
    with HttpProcess(settings, tmp_path) as edge:
        until(edge.is_alive, timeout=30)
        reply = edge.ask(transaction(1))
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
        assert edge.problems() == ["no_champion"]


def test_an_unknown_address_is_a_problem_too(edge: HttpProcess) -> None:
    """As are a wrong method, a wrong parameter and a wrong content type."""
    found = {
        edge.client.get(f"/{uuid.uuid4().hex}").status_code,
        edge.client.get("/predict").status_code,
        edge.ask(b"{}", ack="perhaps").status_code,
        edge.client.post("/predict", content=b"{}").status_code,
    }
    assert found == {404, 405, 422, 415}
