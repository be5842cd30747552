"""Reading the body of a request: so much and no more. How long it may take is the connection's business."""

from starlette.requests import ClientDisconnect, Request

from stream.http.errors import HttpError

JSON = "application/json"


async def read_body(request: Request, most: int) -> bytes:
    """Return a JSON body's bytes.

    A browser sends JSON to another site only if that site allows it, which ours does not: so asking for it keeps
    foreign pages from posting here.

    Args:
        request: Whose body is read.
        most: Bytes.

    Raises:
        HttpError: With the status that says what is wrong: another content type, too large, broken off.
    """
    kind = request.headers.get("content-type", "")
    if kind != JSON and kind.partition(";")[0].strip().lower() != JSON:
        raise HttpError(415, f"content type {kind or 'missing'}; send {JSON}")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise _too_large(most)
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise _too_large(most)
            parts.append(part)
    except ClientDisconnect:
        raise HttpError(400, "the body broke off") from None
    return b"".join(parts)


def _too_large(most: int) -> HttpError:
    return HttpError(413, f"the body may have {most} bytes; send less at once")
