"""Repeated requests to an edge that did not get the first one: the same response, as from the first edge."""

import json
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.http_process import HttpProcess
from tests.support.topics import read_all
from tests.support.traffic import transaction
from tests.support.until import until

Make = Callable[..., Settings]
Start = Callable[[Settings], HttpProcess]
COUNT = 20
#: Values that are not decisions: not JSON, not UTF-8, too deep, too large, incomplete, and a deleted one.
HOSTILE = (
    b"not JSON",
    b'{"transaction_id":"\xff"}',
    b'{"transaction_id":' + b"[" * 3000 + b"]" * 3000 + b"}",
    b'{"transaction_id":"3","card_id":"' + b"x" * 100_000 + b'"}',
    b'{"transaction_id":"3"}',
    None,
)


def _decisions(settings: Settings) -> list[bytes | None]:
    return [message.value() for message in read_all(settings.kafka.bootstrap, settings.topic.decisions)]


def _other(settings: Settings) -> Settings:
    """Return the settings of another edge."""
    return settings.replace(http_port=free_port(), kafka_slot="other")


def test_edges_share_their_responses(make_http_settings: Make, start_edge: Start) -> None:
    """Whichever edge gets a repeat gives the first one's response, and nothing is decided again."""
    settings = make_http_settings()
    first = start_edge(settings)
    earlier = [first.predict(transaction(number)).content for number in range(COUNT)]
    second = start_edge(_other(settings))
    later = [first.predict(transaction(COUNT + number)).content for number in range(COUNT)]
    assert [second.predict(transaction(number)).content for number in range(COUNT)] == earlier
    # The second edge reads these a moment after they have been written.
    until(lambda: second.metrics()["http_kept_responses"] == 2 * COUNT)
    assert [second.predict(transaction(COUNT + number)).content for number in range(COUNT)] == later
    other = second.predict(transaction(3, amount_minor=99_999_999))
    assert (other.status_code, other.json()["type"]) == (409, "urn:fraud-stream:conflict")


@pytest.mark.parametrize("end", [HttpProcess.kill, HttpProcess.stop])
def test_an_edge_that_starts_again_gives_the_earlier_responses(
    make_http_settings: Make, start_edge: Start, end: Callable[[HttpProcess], int]
) -> None:
    """After a crash or a restart, repeats get the responses from before, to single and to batched requests."""
    settings = make_http_settings()
    edge = start_edge(settings)
    single = edge.predict(transaction(0)).content
    batch = b'{"transactions":[%s]}' % b",".join(transaction(each) for each in range(1, COUNT))
    batched = edge.client.post("/predict/batch", content=batch, headers={"Content-Type": "application/json"}).content
    early = edge.predict(transaction(COUNT), ack="none")
    assert early.json()["decision_id"] is None
    until(lambda: len(_decisions(settings)) == COUNT + 1)
    end(edge)

    edge = start_edge(settings)
    assert edge.predict(transaction(0)).content == single
    repeated = edge.client.post("/predict/batch", content=batch, headers={"Content-Type": "application/json"}).content
    assert repeated == batched
    recorded = _decisions(settings)
    assert edge.predict(transaction(COUNT)).content in recorded
    assert len(recorded) == len(_decisions(settings)) == COUNT + 1
    assert edge.metrics()["http_idempotent_replays_total"] == COUNT + 1


def test_other_messages_are_ignored(make_http_settings: Make, start_edge: Start) -> None:
    """A worker's decision, and whatever else somebody writes to the topic, is no response; the edge starts and runs."""
    settings = make_http_settings()
    first = start_edge(settings)
    response = first.predict(transaction(1))
    decisions = settings.topic.decisions
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap})
    producer.produce(decisions, json.dumps(response.json() | {"transaction_id": "2"}).encode())
    for value in HOSTILE:
        producer.produce(decisions, value, headers={"request-digest": b"0" * 16})
    producer.produce(decisions, response.content, headers={"request-digest": b"short"})
    assert producer.flush(10) == 0
    second = start_edge(_other(settings))
    assert second.predict(transaction(1)).content == response.content
    assert second.predict(transaction(2)).json()["source_partition"] is not None
    until(lambda: first.metrics()["http_kept_responses"] == 2)  # it has read past them too
