"""`POST /alerts`: where Alertmanager sends what fires, so that it is kept beside what the models decided."""

import asyncio
import logging
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Any

import faust
from faust.web import Request, Response, View
from faust.web.exceptions import WebError
from sqlalchemy import Engine

from schemas.errors import LedgerAwayError, LedgerError, RefusedMessageError
from stream.clock import Clock
from stream.ledger.alert_history import record_alerts
from stream.ledger.alertmanager import notification_codec
from stream.ledger.database import writing
from stream.ledger.metrics import LedgerMetrics

log = logging.getLogger(__name__)

#: Bytes of a message: some thousand alerts, and Alertmanager sends a group's at once.
BODY_MAX = 1 << 20
#: Seconds for a body to arrive.
BODY_S = 10.0
JSON = "application/json"


class AlertDesk:
    """Records messages of Alertmanager's webhook.

    Args:
        engine: The ledger's database, up to date.
        clock: Ingest time.
        metrics: Counts what was news.
    """

    def __init__(self, engine: Engine, clock: Clock, metrics: LedgerMetrics) -> None:
        self._engine, self._clock, self._metrics = engine, clock, metrics

    def record(self, body: bytes) -> int:
        """Record a message, all of it or nothing, and return how many alerts it told of.

        Raises:
            RefusedMessageError: If it is not JSON or has another shape; one line that holds nothing of the sender's.
            LedgerAwayError: If the database does not answer. The message may be recorded or not; again does no harm.
        """
        alerts = notification_codec.decode(body).alerts
        with writing(self._engine) as connection:
            news = record_alerts(connection, [alert.row() for alert in alerts], self._clock.now_ms())
        for row in news:
            self._metrics.alert(row["alertname"], row["status"])
        return len(alerts)


def add_alert_page(app: faust.App, desk: AlertDesk, writing_thread: Executor) -> None:
    """Add `POST /alerts`: 200 with how many were recorded, 400 for what cannot be read, 503 while there is no database.

    Alertmanager sends again after a 5xx, and never after a 4xx. There are no keys: who may send is who reaches
    FRAUD_WEB_HOST. A browser sends JSON to another site only if that site allows it, which this one does not: so asking
    for it keeps foreign pages from posting here.
    """

    @app.page("/alerts")
    class Alerts(View):
        async def post(self, request: Request) -> Response:
            body = await _read(request)
            try:
                recorded = await asyncio.get_running_loop().run_in_executor(writing_thread, desk.record, body)
            except RefusedMessageError as error:
                raise WebError(str(error), code=HTTPStatus.BAD_REQUEST) from error
            except LedgerError as error:
                # Not among the outages: who met one is asked again in vain until the next alert comes.
                level = logging.DEBUG if isinstance(error, LedgerAwayError) else logging.WARNING
                log.log(level, "alerts were not recorded: %s", error)
                text = "not recorded, the ledger's database does not take it now; send it again"
                raise WebError(text, code=HTTPStatus.SERVICE_UNAVAILABLE) from error
            return self.json({"recorded": recorded})


async def _read(request: Any) -> bytes:
    """Return a JSON body's bytes: so many and no more, in so long and no longer."""
    if request.content_type != JSON:
        raise WebError(f"another content type; send {JSON}", code=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    too_large = WebError(
        f"the body may have {BODY_MAX} bytes; send less at once", code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    )
    if (request.content_length or 0) > BODY_MAX:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.content.iter_any():
                body += part
                if len(body) > BODY_MAX:
                    raise too_large
    except TimeoutError:
        text = f"the body did not arrive within {BODY_S:g} s; send it again"
        raise WebError(text, code=HTTPStatus.REQUEST_TIMEOUT) from None
    except ConnectionError:
        raise WebError("the body broke off; send it again", code=HTTPStatus.BAD_REQUEST) from None
    return bytes(body)
