"""Kafka's jars come from a cache that does not change."""

import os
from pathlib import Path

from stream.local.distribution import fetch_distribution


def test_fetching_again_changes_no_jar() -> None:
    """Fetching again changes no jar, because a starting broker opens jars seconds after it gets its class path."""

    def changed_ns(jar: str) -> int:
        return Path(jar).stat().st_ctime_ns  # also changes when a link to the file is added or removed

    jars = fetch_distribution().classpath.split(os.pathsep)
    before = {jar: changed_ns(jar) for jar in jars}
    assert fetch_distribution().classpath.split(os.pathsep) == jars
    assert {jar: changed_ns(jar) for jar in jars} == before
