"""Call Kafka's transaction functions as librdkafka's manual says: a call that fails retriably is made again.

A commit that timed out is thus resumed, never aborted: the broker may have committed it already.
"""

import logging
import time
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException

log = logging.getLogger(__name__)

#: Seconds that one call to Kafka may take before a retry. Short, so that a stop is noticed during an outage.
CALL_S = 2.0

#: Errors of a producer that another producer with the same transactional id, or the broker, has fenced.
FENCED = frozenset(
    {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}  # noqa: SLF001 - librdkafka's own codes begin with _
)


def call_until(call: Callable[[float], object], deadline: float, stopping: Callable[[], bool] = lambda: False) -> None:
    """Call Kafka at least once, and retry until it responds.

    Args:
        call: Function to call, with the number of seconds that it may take.
        deadline: `time.monotonic()` value after which a failure is final.
        stopping: Function that returns whether a failure is final because the program is stopping.

    Raises:
        KafkaException: If a call fails and is not retriable, or its failure is final.
    """
    while True:
        try:
            call(CALL_S)
        except KafkaException as error:
            permanent = not error.args[0].retriable() or time.monotonic() > deadline
            if permanent or stopping():
                raise
            log.warning("Kafka: %s; retrying the same call", error.args[0].str())
        else:
            return
