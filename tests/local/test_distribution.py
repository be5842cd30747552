"""Kafka's jars come from a cache that does not change."""

import os
from pathlib import Path
from unittest.mock import Mock

import jgo
import pytest

from schemas.errors import KafkaError
from stream.local.distribution import fetch_distribution


def test_fetching_again_changes_no_jar() -> None:
    """Fetching again changes no jar, because a starting broker opens jars seconds after it gets its class path."""

    def changed_ns(jar: str) -> int:
        return Path(jar).stat().st_ctime_ns  # also changes when a link to the file is added or removed

    jars = fetch_distribution().classpath.split(os.pathsep)
    before = {jar: changed_ns(jar) for jar in jars}
    assert fetch_distribution().classpath.split(os.pathsep) == jars
    assert {jar: changed_ns(jar) for jar in jars} == before


def test_a_failed_download_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever jgo raises becomes one line with its cause. The failure is faked: the jars are in the cache."""
    monkeypatch.setattr(jgo, "build", Mock(side_effect=OSError("no route to host\nTraceback")))
    with pytest.raises(KafkaError, match=r"^cannot download Kafka's jars \(no route to host\); check the network"):
        fetch_distribution()
