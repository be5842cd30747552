"""Reading the body of a request: so much and no more, in so long and no longer."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from stream.http.errors import HttpError

#: Seconds for a body to arrive.
BODY_S = 10.0
JSON = "application/json"


async def read_body(request: Request, most: int) -> bytes:
    """Return a JSON body's bytes.

    A browser sends JSON to another site only if that site allows it, which ours does not: so asking for it keeps
    foreign pages from posting here.

    Args:
        request: Whose body is read.
        most: Bytes.

    Raises:
        HttpError: With the status that says what is wrong: another content type, too large, too slow, broken off.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise HttpError(415, f"content type {kind or 'missing'}; send {JSON}")
    too_large = HttpError(413, f"the body may have {most} bytes; send less at once")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise too_large
                parts.append(part)
    except TimeoutError:
        raise HttpError(408, f"the body did not arrive within {BODY_S:g} s; send it again") from None
    except ClientDisconnect:
        raise HttpError(400, "the body broke off") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)
