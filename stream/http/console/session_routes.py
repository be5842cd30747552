"""Log in to the console with an API key, and log out."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from schemas.message_codec import MessageCodec
from stream.http.auth import COOKIE, SESSION_S, Auth
from stream.http.body import JSON, read_body

#: Maximum size of a body in bytes.
_MAX_BODY = 4096


class _LogInRequest(msgspec.Struct):
    key: str


_codec = MessageCodec(_LogInRequest)


def session_routes(auth: Auth) -> APIRouter:
    """Return the router of the console's sessions. The OpenAPI description omits it, because only the page uses it.

    Args:
        auth: Opens, authorises and closes browser sessions.
    """
    router = APIRouter()
    hidden: dict[str, Any] = {"response_model": None, "include_in_schema": False}

    @router.get("/console/session", **hidden)
    async def session(request: Request) -> Response:
        """Return the key's name and scopes, and the CSRF token that the page must send with changes."""
        key = auth.authorise(request, "read")
        current = auth.session(request)
        return _json({"name": key.name, "scopes": key.scopes, "csrf": current.csrf if current else ""})

    @router.post("/console/session", **hidden)
    async def log_in(request: Request) -> Response:
        token = auth.log_in(_codec.decode(await read_body(request, _MAX_BODY)).key)
        response = _json({})
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, token, max_age=round(SESSION_S), httponly=True, samesite="strict", secure=secure)
        return response

    @router.delete("/console/session", **hidden)
    async def log_out(request: Request) -> Response:
        auth.authorise(request, "read")
        auth.log_out(request)
        response = _json({})
        response.delete_cookie(COOKIE)
        return response

    return router


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type=JSON)
