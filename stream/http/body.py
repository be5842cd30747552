"""Read the body of a request, up to a maximum size. The connection limits the time that a request may take."""

from starlette.requests import ClientDisconnect, Request

from stream.http.errors import HttpError

JSON = "application/json"


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the bytes of a request's JSON body.

    A browser sends JSON to another site only if that site allows it, and this site does not. So requiring the content
    type prevents pages from other sites from posting here.

    Args:
        request: Request whose body is read.
        max_bytes: Maximum size of the body.

    Raises:
        HttpError: 415 for another content type, 413 if the body is too large, 400 if the client disconnects.
    """
    content_type = request.headers.get("content-type", "")
    if content_type != JSON and content_type.partition(";")[0].strip().lower() != JSON:
        raise HttpError(415, f"content type {content_type or 'missing'}; send {JSON}")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > max_bytes:
                raise _too_large(max_bytes)
            chunks.append(chunk)
    except ClientDisconnect:
        raise HttpError(400, "the client disconnected before the body was complete") from None
    return b"".join(chunks)


def _too_large(max_bytes: int) -> HttpError:
    return HttpError(413, f"the body exceeds {max_bytes} bytes; send fewer transactions in one request")
