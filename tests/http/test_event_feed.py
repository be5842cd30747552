"""The console's feed: pages that read slowly, and failures while following Kafka."""

import asyncio
import logging
from unittest.mock import Mock

import pytest

from schemas.errors import BrokerUnavailableError
from schemas.messages import Label
from stream.http.console import event_feed
from stream.http.console.event_feed import EventFeed
from stream.settings import Settings
from tests.support.unreachable import unreachable_kafka
from tests.support.until import until

TOPICS = Settings().topic


@pytest.fixture
def feed() -> EventFeed:
    """A feed that is not started."""
    return EventFeed(unreachable_kafka(), TOPICS, problems=list)


def test_a_page_that_reads_too_slowly_gets_a_new_snapshot(feed: EventFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its queue is replaced by the complete state: memory stays bounded, and the page is up to date again."""
    monkeypatch.setattr(event_feed, "MAX_QUEUED_EVENTS", 3)
    monkeypatch.setattr(event_feed, "KEEP_ALIVE_S", 0.01)

    async def names() -> list[str]:
        events = feed.events()
        received = [await anext(events)]
        for number in range(5):
            feed._add(TOPICS.labels, Label(f"l{number}", "t1", "analyst", fraud=True, event_time_ms=0))
        received += [await anext(events), await anext(events)]
        feed._add(TOPICS.labels, Label("l5", "t1", "analyst", fraud=False, event_time_ms=0))
        received.append(await anext(events))
        await events.aclose()  # type: ignore[attr-defined]  # an asynchronous generator
        return ["keep-alive" if each is None else each.name for each in received]

    assert asyncio.run(names()) == ["snapshot", "snapshot", "keep-alive", "label"]
    assert not feed._pages


def test_the_feed_outlasts_every_failure(
    feed: EventFeed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Kafka's absence is one line, another fault is logged with its cause; both times the feed follows again."""
    monkeypatch.setattr(event_feed, "RETRY_S", 0.01)
    follow = Mock(side_effect=[BrokerUnavailableError("lost"), RuntimeError("unforeseen"), *[None] * 1_000])
    monkeypatch.setattr(feed, "_follow", follow)

    async def run() -> None:
        with feed:
            await asyncio.to_thread(until, lambda: follow.call_count > 2)

    asyncio.run(run())
    lines = [record for record in caplog.records if record.name == event_feed.__name__]
    assert [(each.levelno, each.message) for each in lines] == [
        (logging.WARNING, "the console is waiting for Kafka: lost"),
        (logging.ERROR, "the console's feed failed; restarting it"),
    ]
