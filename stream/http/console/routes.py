"""The page and its events."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from stream.http.auth import Access
from stream.http.console.board import Event
from stream.http.console.feed import Feed
from stream.http.errors import HttpError

_STATIC = Path(__file__).parent / "static"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
#: Nothing but our own files, from nowhere else, in nobody's frame.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def console_routes(access: Access, feed: Feed) -> APIRouter:
    """Return the routes; they are the page's own business, and so in no description.

    Args:
        access: Who may look.
        feed: What is shown.
    """
    router = APIRouter()
    hidden: dict[str, Any] = {"response_model": None, "include_in_schema": False}

    @router.get("/", **hidden)
    async def page() -> Response:
        return _file("index.html")

    @router.get("/console/{name}.{kind}", **hidden)
    async def static(name: Literal["console"], kind: Literal["css", "js"]) -> Response:
        return _file(f"{name}.{kind}")

    @router.get("/console/events", **hidden)
    async def events(request: Request) -> Response:
        access.require(request, "read")
        if feed.full:
            raise HttpError(503, "too many pages are open; close one")

        async def stream() -> AsyncIterator[bytes]:
            async for event in feed.events():
                try:
                    access.require(request, "read")
                except HttpError:
                    return  # the key, or the session, has ended since
                yield _as_text(event)

        headers = _HEADERS | {"Cache-Control": "no-store"}
        return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)

    return router


def _file(name: str) -> Response:
    path = _STATIC / name
    return Response(path.read_bytes(), media_type=_KINDS[path.suffix], headers=_HEADERS)


def _as_text(event: Event | None) -> bytes:
    """Return an event as server-sent events are written; a sign of life is a comment."""
    if event is None:
        return b": still here\n\n"
    return b"event: " + event.name.encode() + b"\ndata: " + msgspec.json.encode(event.data) + b"\n\n"
