"""The console's page, its static files and its event stream."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from stream.http.auth import Auth
from stream.http.console.console_state import ConsoleEvent
from stream.http.console.event_feed import EventFeed
from stream.http.errors import HttpError

_FILES = {path.name: path for path in (Path(__file__).parent / "static").iterdir()}
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
#: The page loads only its own files, and no other page may frame it.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def page_routes(auth: Auth, feed: EventFeed) -> APIRouter:
    """Return the router of the console page. The OpenAPI description omits its routes, because only the page uses them.

    Args:
        auth: Authorises the event stream. The page and its static files need no authorisation.
        feed: Provides the events of the event stream.
    """
    router = APIRouter()
    hidden: dict[str, Any] = {"response_model": None, "include_in_schema": False}

    @router.get("/", **hidden)
    async def page() -> Response:
        return _static_file("index.html")

    @router.get("/console/{name}.{extension}", **hidden)
    async def static(name: str, extension: str) -> Response:
        return _static_file(f"{name}.{extension}")

    @router.get("/console/events", **hidden)
    async def events(request: Request) -> Response:
        auth.authorise(request, "read")
        if feed.full:
            raise HttpError(503, "too many console pages are open; close one")

        async def stream() -> AsyncIterator[bytes]:
            async for event in feed.events():
                try:
                    auth.authorise(request, "read")
                except HttpError:
                    return  # the key was removed or the session has expired
                yield _encode(event)

        headers = _HEADERS | {"Cache-Control": "no-store"}
        return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)

    return router


def _static_file(name: str) -> Response:
    path = _FILES.get(name)
    if path is None:
        raise HttpError(404, f"the console has no file {name}")
    return Response(path.read_bytes(), media_type=_MEDIA_TYPES[path.suffix], headers=_HEADERS)


def _encode(event: ConsoleEvent | None) -> bytes:
    """Return an event in the text/event-stream format, in which a keep-alive is a comment."""
    if event is None:
        return b": keep-alive\n\n"
    return b"event: " + event.name.encode() + b"\ndata: " + msgspec.json.encode(event.data) + b"\n\n"
