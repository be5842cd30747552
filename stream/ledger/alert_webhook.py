"""`POST /alerts`: receives alerts from Alertmanager, which are stored next to the models' decisions."""

import asyncio
import logging
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Any

import faust
from faust.web import Request, Response, View
from faust.web.exceptions import WebError
from sqlalchemy import Engine

from schemas.errors import LedgerError, LedgerUnavailableError, RefusedMessageError
from stream.clock import Clock
from stream.ledger.alert_history import record_alerts
from stream.ledger.alertmanager import webhook_codec
from stream.ledger.database import writing
from stream.ledger.metrics import LedgerMetrics

log = logging.getLogger(__name__)

#: Largest accepted body in bytes, enough for thousands of alerts; Alertmanager sends a whole group in one message.
BODY_MAX = 1 << 20
#: Seconds that a request body may take to arrive.
BODY_S = 10.0
JSON = "application/json"


class AlertRecorder:
    """Records the messages that Alertmanager sends to the webhook.

    Args:
        engine: Migrated ledger database.
        clock: Source of ingest time.
        metrics: Metrics that count new and newly resolved alerts.
    """

    def __init__(self, engine: Engine, clock: Clock, metrics: LedgerMetrics) -> None:
        self._engine, self._clock, self._metrics = engine, clock, metrics

    def record(self, body: bytes) -> int:
        """Record a message completely or not at all, and return the number of alerts in the message.

        Raises:
            RefusedMessageError: If the message is not valid; the error is one line and contains none of the sender's
                values.
            LedgerUnavailableError: If the database is not responding. The message may or may not have been recorded;
                sending it again is harmless.
        """
        alerts = webhook_codec.decode(body).alerts
        with writing(self._engine) as connection:
            news = record_alerts(connection, [alert.row() for alert in alerts], self._clock.now_ms())
        for row in news:
            self._metrics.count_alert(row["alertname"], row["status"])
        return len(alerts)


def add_alert_webhook(app: faust.App, recorder: AlertRecorder, writing_thread: Executor) -> None:
    """Add the endpoint `POST /alerts`, which records the alerts in a message from Alertmanager.

    It returns 200 with the number of alerts, 400 if the message is invalid, and 503 if the database is down.
    Alertmanager sends a message again after a 5xx, and never after a 4xx. There are no API keys: FRAUD_WEB_HOST limits
    who can reach the port. Requiring JSON prevents web pages of other sites from posting here: a browser sends JSON
    to another site only if that site allows it, and this endpoint does not.
    """

    @app.page("/alerts")
    class Alerts(View):
        async def post(self, request: Request) -> Response:
            body = await _read_json_body(request)
            try:
                recorded = await asyncio.get_running_loop().run_in_executor(writing_thread, recorder.record, body)
            except RefusedMessageError as error:
                raise WebError(str(error), code=HTTPStatus.BAD_REQUEST) from error
            except LedgerError as error:
                # This failure is not reported to the outage tracker, which would report an outage until the next alert
                # arrives.
                level = logging.DEBUG if isinstance(error, LedgerUnavailableError) else logging.WARNING
                log.log(level, "alerts were not recorded: %s", error)
                text = "not recorded because the ledger database is unavailable; send it again"
                raise WebError(text, code=HTTPStatus.SERVICE_UNAVAILABLE) from error
            return self.json({"recorded": recorded})


async def _read_json_body(request: Any) -> bytes:
    """Return a request's JSON body; raise if it exceeds `BODY_MAX` or takes longer than `BODY_S`."""
    if request.content_type != JSON:
        raise WebError(f"wrong content type; send {JSON}", code=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    too_large = WebError(
        f"the body exceeds {BODY_MAX} bytes; send fewer alerts at once", code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    )
    if (request.content_length or 0) > BODY_MAX:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > BODY_MAX:
                    raise too_large
    except TimeoutError:
        text = f"the body did not arrive within {BODY_S:g} s; send it again"
        raise WebError(text, code=HTTPStatus.REQUEST_TIMEOUT) from None
    except ConnectionError:
        raise WebError(
            "the connection broke before the body arrived; send the request again", code=HTTPStatus.BAD_REQUEST
        ) from None
    return bytes(body)
