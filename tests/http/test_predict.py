"""Predictions over HTTP: the same decisions as the stream's, in Kafka before they are sent."""

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
    """Return the values of all messages on a topic."""
    return [message.value() or b"" for message in read_all(settings.kafka.bootstrap, topic)]


def test_a_decision_is_in_kafka_before_it_is_sent(edge: HttpProcess) -> None:
    """Kafka has the unchanged transaction, the same decision with the transaction's offset, and each alert."""
    settings = edge.settings
    responses = {number: edge.predict(transaction(number)) for number in range(30)}
    assert {response.status_code for response in responses.values()} == {200}
    recorded = {
        (m.partition(), m.offset()): m for m in read_all(settings.kafka.bootstrap, settings.topic.transactions_http)
    }
    decisions = sorted(response.content for response in responses.values())
    assert sorted(values(settings, settings.topic.decisions)) == decisions
    for number, response in responses.items():
        decision = decode(response.content)
        message = recorded[decision.source_partition, decision.source_offset]
        assert (message.value(), message.key()) == (transaction(number), decision.card_id.encode())
        assert decision.source_topic == settings.topic.transactions_http
    alerts = [each for each in decisions if decode(each).verdict != "approve"]
    assert alerts
    assert sorted(values(settings, settings.topic.alerts)) == alerts
    assert values(settings, settings.topic.transactions) == []


def test_a_decision_over_http_can_be_recomputed(edge: HttpProcess) -> None:
    """The decision is recomputed from its source position like any other; its shadow score has the same decision id."""
    decision = decode(edge.predict(transaction(5)).content)
    assert verify(edge.settings, decision) == {}
    shadows = values(edge.settings, edge.settings.topic.shadow_scores)
    (shadow,) = [msgspec.json.decode(each, type=ShadowScore) for each in shadows]
    assert (shadow.decision_id, shadow.model_version) == (decision.decision_id, "2")


def test_history_over_http_replays(edge: HttpProcess) -> None:
    """A replay of all history reproduces every decision, and a challenger's scores show no parity gap."""
    settings = edge.settings
    for number in range(20):
        edge.predict(transaction(number))
    until(lambda: len(values(settings, settings.topic.shadow_scores)) == 20)
    report = json.loads(run("replay", settings=settings).stdout)
    assert (report["transactions"], report["same"], report["different"]) == (20, 20, 0)
    roles = current_roles(settings.kafka, settings.topic)
    assert roles is not None
    now_ms = time.time_ns() // 1_000_000
    assert parity_gap(settings, roles.challengers[0].bundle, now_ms + 1) < TOLERANCE


def test_with_ack_none_the_decision_has_no_offset_yet(edge: HttpProcess) -> None:
    """With ack=none, the same decision is sent earlier, and is still written to Kafka."""
    early = edge.predict(transaction(1), ack="none").json()
    assert (early["decision_id"], early["source_partition"], early["source_offset"]) == (None, None, None)
    until(lambda: len(values(edge.settings, edge.settings.topic.decisions)) == 1)
    (recorded,) = map(json.loads, values(edge.settings, edge.settings.topic.decisions))
    no_offset = dict.fromkeys(("decision_id", "source_partition", "source_offset"))
    assert recorded | no_offset == early
    assert edge.predict(transaction(1)).json() == recorded


def test_a_repeated_request_gets_the_same_response(edge: HttpProcess) -> None:
    """A repeat gets the same bytes and writes nothing to Kafka. The same id with a different body is rejected."""
    first, second = edge.predict(transaction(3)), edge.predict(transaction(3))
    assert first.content == second.content
    assert len(values(edge.settings, edge.settings.topic.decisions)) == 1
    other = edge.predict(transaction(3, amount_minor=99_999_999))
    assert (other.status_code, other.json()["type"]) == (409, "urn:fraud-stream:conflict")
    metrics = edge.metrics()
    assert (metrics["http_idempotent_replays_total"], metrics["prediction_latency_seconds_count"]) == (1, 1)
    assert metrics['prediction_requests_total{outcome="decided"}'] == 1


def test_a_bare_list_is_completed(edge: HttpProcess) -> None:
    """A list in manifest order, with the amount in minor units, reaches Kafka as a complete transaction."""
    assert [each["name"] for each in edge.client.get("/model").json()["features"]] == [*NUMERIC, "Amount"]
    decision = decode(edge.predict(b'{"features": [3, 2.5, -1, 5000]}').content)
    assert decision.verdict == "review"
    assert (decision.amount_minor, decision.currency, decision.card_id) == (5000, "XXX", decision.transaction_id)
    (recorded,) = map(json.loads, values(edge.settings, edge.settings.topic.transactions_http))
    assert recorded["features"] == {"V1": 3, "V2": 2.5, "V3": -1}
    assert verify(edge.settings, decision) == {}


#: Body, HTTP status, dead-letter reason and faulty field.
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


def test_an_unscorable_transaction_is_refused(edge: HttpProcess) -> None:
    """A rejection's problem details contain a dead-letter reason and the faulty field; nothing is written to Kafka."""
    for body, status, reason, field in REFUSED:
        response = edge.predict(body)
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json"
        assert (response.status_code, problem["status"]) == (status, status), body
        assert (problem["reason"], problem.get("field")) == (reason, field), body
    assert values(edge.settings, edge.settings.topic.transactions_http) == []


def test_a_batch_has_a_result_for_each_transaction(edge: HttpProcess) -> None:
    """The results of a batch are in order, and a rejected transaction does not affect the others."""
    batch = [json.loads(transaction(number)) for number in range(300)]
    batch[7] = {"transaction_id": "bad"}
    results = edge.client.post("/predict/batch", json={"transactions": batch}).json()["results"]
    assert results[7]["problem"]["status"] == 422
    decided = [each["decision"]["transaction_id"] for number, each in enumerate(results) if number != 7]
    assert decided == [str(number) for number in range(300) if number != 7]
    assert len(values(edge.settings, edge.settings.topic.decisions)) == 299
    too_many = edge.client.post("/predict/batch", json={"transactions": batch * 2})
    assert (too_many.status_code, "FRAUD_HTTP_BATCH_MAX" in too_many.json()["detail"]) == (413, True)


def test_role_changes_take_effect(edge: HttpProcess) -> None:
    """A change of policy on Kafka applies to the next predictions."""
    assert decode(edge.predict(transaction(2)).content).role_epoch == 1
    change_roles(
        edge.settings.kafka,
        edge.settings.topic,
        combine_changes([set_policy(Policy("strict", 0.0, 0.0))]),
        author="test",
    )
    until(lambda: edge.client.get("/models").json()["role_epoch"] == 2)
    decision = decode(edge.predict(transaction(4)).content)
    assert (decision.policy_version, decision.verdict, decision.role_epoch) == ("strict", "decline", 2)


def test_counts_reach_the_rollback_and_drift_monitors(edge: HttpProcess) -> None:
    """The edge publishes role counts and drift counts of its decisions, as workers do."""
    for number in range(20):
        edge.predict(transaction(number))
    settings = edge.settings

    def messages(topic: str) -> list[dict[str, Any]]:
        return [json.loads(each) for each in values(settings, topic)]

    until(lambda: sum(c["players"][0]["transactions"] for c in messages(settings.topic.role_counts)) == 20)
    until(lambda: sum(c["rows"] for c in messages(settings.topic.drift_counts) if c["decides"]) == 20)
    assert {each["slot"] for each in messages(settings.topic.role_counts)} == {f"{settings.kafka.slot}-http"}


def test_models_and_health(edge: HttpProcess) -> None:
    """The edge reports its models, liveness and readiness, and its metrics count a prediction."""
    models = edge.client.get("/models").json()
    assert (models["champion"]["version"], [each["version"] for each in models["challengers"]]) == ("1", ["2"])
    assert edge.client.get("/healthz").json() == {"status": "ok"}
    assert edge.client.get("/readyz").json() == {"ready": True, "problems": [], "detail": ""}
    edge.predict(transaction(1))
    metrics = edge.metrics()
    assert metrics['prediction_requests_total{outcome="decided"}'] == 1
    assert metrics["prediction_latency_seconds_count"] == 1
    assert metrics['http_requests_total{route="/predict",status="200"}'] == 1


def test_without_a_champion_the_edge_is_not_ready(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    """Without a champion, predictions get 503, and /readyz gives the reason."""
    settings = make_settings(http_port=free_port())
    create_topics(settings.kafka, settings.topic)
    with HttpProcess(settings, tmp_path) as edge:
        until(edge.is_alive, timeout=30)
        response = edge.predict(transaction(1))
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        until(lambda: edge.problems() == ["no_champion"])


def test_invalid_requests_have_a_fitting_status(edge: HttpProcess) -> None:
    """An unknown path gets 404, a wrong method 405, a wrong parameter 422 and a wrong content type 415."""
    statuses = {
        edge.client.get(f"/{uuid.uuid4().hex}").status_code,
        edge.client.get("/predict").status_code,
        edge.predict(b"{}", ack="perhaps").status_code,
        edge.client.post("/predict", content=b"{}").status_code,
    }
    assert statuses == {404, 405, 422, 415}
