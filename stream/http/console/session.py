"""Logging in to the page with a key, and out again."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from schemas.message_codec import MessageCodec
from stream.http.auth import COOKIE, SESSION_S, Access
from stream.http.body import JSON, read_body

#: Bytes of a body.
_BODY = 4096


class _Key(msgspec.Struct):
    key: str


_key = MessageCodec(_Key)


def session_routes(access: Access) -> APIRouter:
    """Return the routes; they are the page's own business, and so in no description."""
    router = APIRouter()
    hidden: dict[str, Any] = {"response_model": None, "include_in_schema": False}

    @router.get("/console/session", **hidden)
    async def session(request: Request) -> Response:
        """Who is logged in, and what the page has to send along with changes."""
        holder = access.require(request, "read")
        found = access.session(request)
        return _json({"name": holder.name, "scopes": holder.scopes, "csrf": found.csrf if found else ""})

    @router.post("/console/session", **hidden)
    async def log_in(request: Request) -> Response:
        token = access.log_in(_key.decode(await read_body(request, _BODY)).key)
        response = _json({})
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, token, max_age=round(SESSION_S), httponly=True, samesite="strict", secure=secure)
        return response

    @router.delete("/console/session", **hidden)
    async def log_out(request: Request) -> Response:
        access.require(request, "read")
        access.log_out(request)
        response = _json({})
        response.delete_cookie(COOKIE)
        return response

    return router


def _json(found: Any) -> Response:
    return Response(msgspec.json.encode(found), media_type=JSON)
