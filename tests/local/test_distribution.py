"""Where a local Kafka's jars come from."""

import os
from pathlib import Path

from stream.local.distribution import fetch_distribution


def test_fetching_again_touches_no_jar() -> None:
    """A broker may be starting from them: Java opens a jar seconds after it was given its class path."""

    def changed(jar: str) -> int:
        return Path(jar).stat().st_ctime_ns  # also when a link to the file comes or goes

    jars = fetch_distribution().classpath.split(os.pathsep)
    before = {jar: changed(jar) for jar in jars}
    assert fetch_distribution().classpath.split(os.pathsep) == jars
    assert {jar: changed(jar) for jar in jars} == before
