"""Call Kafka's transaction functions as librdkafka's manual says, and never wait for one of them for ever.

A call that fails retriably is made again. A commit that timed out is thus resumed, never aborted: the broker may have
committed it already.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

from confluent_kafka import KafkaError, KafkaException

log = logging.getLogger(__name__)

#: Seconds that one call to Kafka may take before a retry. Short, so that a stop is noticed during an outage.
CALL_S = 2.0
#: Seconds after which a call that should have returned after CALL_S counts as stuck.
STUCK_S = 2 * CALL_S

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


def call_or_abandon(call: Callable[[], object]) -> None:
    """Call Kafka on a thread of its own, and stop waiting after `STUCK_S` seconds.

    An abandoned call goes on in its thread, possibly for ever, so its producer must not be used again.

    Raises:
        KafkaException: If the call fails, or does not return in time.
    """
    result: Future[object] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again by the waiting thread
            result.set_exception(error)

    threading.Thread(target=run, name="kafka-call", daemon=True).start()
    try:
        result.result(STUCK_S)
    except FutureTimeoutError:
        text = f"the call to Kafka did not return within {STUCK_S:g} s"
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, text)) from None  # noqa: SLF001 - as above
